// Generated from schemas/sidecar-params.json by `npm run generate`. Do not edit.
import type {V1EnvFromSource} from '@kubernetes/client-node'
import type {V1VolumeMount} from '@kubernetes/client-node'

/**
 * What sidecars have: the plugin's `sidecarParams`, and the operator's `default-sidecar-params`.
 */
export interface SidecarParams {
  /**
   * Sources of environment variables for the sidecars.
   */
  envFrom?: V1EnvFromSource[]
  /**
   * Mounts for the sidecars.
   */
  extraVolumeMounts?: V1VolumeMount[]
}
