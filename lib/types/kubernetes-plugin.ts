// Generated from schemas/kubernetes-plugin.json by `npm run generate`. Do not edit.
import type {V1PodSpec} from '@kubernetes/client-node'
import type {CheckoutParams} from './checkout-params.js'
import type {CommandParams} from './command-params.js'
import type {SidecarParams} from './sidecar-params.js'
import type {V1Container} from '@kubernetes/client-node'
import type {V1EnvFromSource} from '@kubernetes/client-node'
import type {V1VolumeMount} from '@kubernetes/client-node'
import type {PodMetadata} from './pod-metadata.js'

/**
 * The body of the kubernetes plugin in a step. Kubernetes' own objects are checked for the types of what is in them; the API server judges the rest.
 */
export interface KubernetesPluginShape {
  podSpec?: V1PodSpec
  /**
   * The PodTemplate, in the namespace of the Jobs, whose podSpec the pod starts from when there is no podSpec here.
   */
  podTemplate?: string
  podSpecPatch?: Record<string, unknown>
  checkout?: CheckoutParams
  commandParams?: CommandParams
  sidecarParams?: SidecarParams
  /**
   * Containers that start before the commands and run until they are over.
   */
  sidecars?: V1Container[]
  /**
   * Sources of environment variables for checkout, command and sidecar containers.
   */
  gitEnvFrom?: V1EnvFromSource[]
  /**
   * Mounts for the agent, checkout, command and sidecar containers.
   */
  extraVolumeMounts?: V1VolumeMount[]
  metadata?: PodMetadata
  /**
   * How long the Job may take from its start to its end, in seconds.
   */
  jobActiveDeadlineSeconds?: number
  /**
   * How long the pod stays when the job fails, such as 10m, for its author to look into it.
   */
  holdOnFailure?: string
  /**
   * The operator's resource class whose resources the command containers get.
   */
  resourceClass?: string
}
