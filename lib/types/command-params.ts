// Generated from schemas/command-params.json by `npm run generate`. Do not edit.
import type {V1EnvFromSource} from '@kubernetes/client-node'
import type {V1VolumeMount} from '@kubernetes/client-node'

/**
 * What command containers have: the plugin's `commandParams`, and the operator's `default-command-params`.
 */
export interface CommandParams {
  /**
   * How a container's command and args become what it runs: buildkite (lines of a script, args quoted), vector (one command of quoted words), legacy (joined as they are), exec (one process, no shell).
   */
  interposer?: 'buildkite' | 'vector' | 'legacy' | 'exec'
  /**
   * Sources of environment variables for the command containers.
   */
  envFrom?: V1EnvFromSource[]
  /**
   * Mounts for the command containers.
   */
  extraVolumeMounts?: V1VolumeMount[]
}
