import type { V1PodSpec, V1ResourceRequirements, V1Volume } from '@kubernetes/client-node'
import type { AgentConfig } from '../../types/agent-config.js'
import type { CheckoutParams } from '../../types/checkout-params.js'
import type { CommandParams } from '../../types/command-params.js'
import type { PodMetadata } from '../../types/pod-metadata.js'
import type { ResourceClass } from '../../types/resource-class.js'
import type { SidecarParams } from '../../types/sidecar-params.js'

/** When the kubelet pulls an image. */
export type PullPolicy = 'Always' | 'IfNotPresent' | 'Never'

/** A strategic merge patch of a PodSpec, directives (`$patch` and its like) included. */
export type PodSpecPatch = Record<string, unknown>

/** What the operator says about every pod, under the names of the settings of `job-spawner run`. */
export interface OperatorSettings {
  /** The namespace of the Jobs. */
  namespace: string
  /** What the names of Jobs begin with: a part of a DNS label. */
  jobPrefix: string
  /** How long a finished Job stays, in seconds. */
  jobTtlSeconds: number
  /** How long a Job may take, in seconds. A step may say otherwise. */
  jobActiveDeadlineSeconds: number
  /** How long the pod agent waits for the containers that it leads, 0 for ever; unset is the agent's own. */
  containerStartTimeoutMs?: number | undefined
  /** How long a failed pod may stay for its author, at most, in seconds; 0 and unset allow no hold. */
  maxHoldSeconds?: number | undefined
  /** How long a pod may take to end, in seconds. A podSpec or a patch may say otherwise. */
  terminationGracePeriodSeconds: number
  /** The image with buildkite-agent and tini-static in it. */
  agentImage: string
  /** For containers that do not say; unset leaves it to the cluster. */
  imagePullPolicy?: PullPolicy | undefined
  /** Set when an init container is to pull each image before anything runs. */
  imageCheck?: ImageCheck | undefined
  agentConfig?: AgentConfig | undefined
  additionalRedactedVars?: readonly string[] | undefined
  defaultCheckoutParams?: CheckoutParams | undefined
  defaultCommandParams?: CommandParams | undefined
  defaultSidecarParams?: SidecarParams | undefined
  defaultMetadata?: PodMetadata | undefined
  resourceClasses?: Readonly<Record<string, ResourceClass>> | undefined
  defaultResourceClassName?: string | undefined
  /** The volume of the workspace, in the place of an emptyDir. */
  workspaceVolume?: V1Volume | undefined
  /** The `subPathExpr` of each of our mounts of the workspace. */
  workspaceMountSubPathExpr?: string | undefined
  podSpecPatch?: PodSpecPatch | undefined
  /** Whether patches may change what our own containers run. */
  allowPodSpecPatchUnsafeCommandModification?: boolean | undefined
  /** Whether a step with the kubernetes plugin is refused. */
  prohibitKubernetesPlugin?: boolean | undefined
}

/** How images are checked before the pod's containers start. */
export interface ImageCheck {
  /** For images that no container has a policy for; unset is `imagePullPolicy`, else the cluster's. */
  pullPolicy?: PullPolicy | undefined
  /** The limits of the containers that check. */
  limits: NonNullable<V1ResourceRequirements['limits']>
}

/** What the operator, and the run at hand, say about a pod. */
export interface PodSettings extends OperatorSettings {
  /** Which job spawner this is: its label is on everything that it makes. */
  instance: string
  /** The gateway's base URL with its version path, as pods reach it. */
  gatewayEndpoint: string
  /** The podSpec of the PodTemplate that the step names. */
  podTemplate?: V1PodSpec | undefined
}
