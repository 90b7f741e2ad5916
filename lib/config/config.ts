import type { V1Volume } from '@kubernetes/client-node'
import type { LogLevel } from '../log.js'
import type { AgentConfig } from '../types/agent-config.js'
import type { CheckoutParams } from '../types/checkout-params.js'
import type { CommandParams } from '../types/command-params.js'
import type { PodMetadata } from '../types/pod-metadata.js'
import type { ResourceClass } from '../types/resource-class.js'
import type { SidecarParams } from '../types/sidecar-params.js'
import type { ListenAddress } from './formats.js'

/** When the kubelet pulls an image. */
export type PullPolicy = 'Always' | 'IfNotPresent' | 'Never'

/** What an operator set, checked and deeply frozen. Durations are milliseconds; `undefined` is unset. */
export interface Config extends PodConfig {
  token: string
}

/** All of it but the agent token, which nothing that only makes or shows pods needs. */
export interface PodConfig {
  endpoint: string
  tags: readonly string[]
  name: string
  /** `name` without the slot's number: what the ledger and the Jobs are labelled with. */
  instance: string
  maxInFlight: number
  namespace: string
  kubeconfig: string | undefined
  context: string | undefined
  ledgerNamespace: string | undefined
  agentImage: string
  gatewayListen: ListenAddress
  gatewayUrl: string | undefined
  gatewayService: string | undefined
  gatewayAddress: string | undefined
  metricsListen: ListenAddress
  leaseDuration: number
  allowOtherBuilds: boolean
  jobPrefix: string
  jobTtl: number
  /** Seconds. */
  jobActiveDeadlineSeconds: number
  podPendingTimeout: number
  imagePullBackoffGracePeriod: number
  emptyJobGracePeriod: number
  containerStartTimeout: number
  maxHoldOnFailure: number
  /** Seconds. */
  defaultTerminationGracePeriodSeconds: number
  imagePullPolicy: PullPolicy | undefined
  imageCheck: boolean
  imageCheckPullPolicy: PullPolicy | undefined
  imageCheckContainerCpuLimit: string
  imageCheckContainerMemoryLimit: string
  workspaceMountSubPathExpr: string | undefined
  additionalRedactedVars: readonly string[] | undefined
  defaultResourceClassName: string | undefined
  prohibitKubernetesPlugin: boolean
  allowPodSpecPatchUnsafeCommandModification: boolean
  /** A strategic merge patch, directives included. */
  podSpecPatch: Record<string, unknown> | undefined
  workspaceVolume: V1Volume | undefined
  agentConfig: AgentConfig | undefined
  defaultCheckoutParams: CheckoutParams | undefined
  defaultCommandParams: CommandParams | undefined
  defaultSidecarParams: SidecarParams | undefined
  defaultMetadata: PodMetadata | undefined
  resourceClasses: Readonly<Record<string, ResourceClass>> | undefined
  shutdownGrace: number
  logLevel: LogLevel
}
