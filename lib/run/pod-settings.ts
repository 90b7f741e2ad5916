import type { PodConfig } from '../config/config.js'
import type { ImageCheck, OperatorSettings } from '../pod/given/settings.js'

/** What the operator's settings say about every pod. */
export function podSettings(config: PodConfig): OperatorSettings {
  return {
    namespace: config.namespace,
    jobPrefix: config.jobPrefix,
    // Kubernetes counts whole seconds.
    jobTtlSeconds: Math.round(config.jobTtl / 1_000),
    jobActiveDeadlineSeconds: config.jobActiveDeadlineSeconds,
    containerStartTimeoutMs: config.containerStartTimeout,
    maxHoldSeconds: Math.round(config.maxHoldOnFailure / 1_000),
    terminationGracePeriodSeconds: config.defaultTerminationGracePeriodSeconds,
    agentImage: config.agentImage,
    imagePullPolicy: config.imagePullPolicy,
    imageCheck: imageCheck(config),
    agentConfig: config.agentConfig,
    additionalRedactedVars: config.additionalRedactedVars,
    defaultCheckoutParams: config.defaultCheckoutParams,
    defaultCommandParams: config.defaultCommandParams,
    defaultSidecarParams: config.defaultSidecarParams,
    defaultMetadata: config.defaultMetadata,
    resourceClasses: config.resourceClasses,
    defaultResourceClassName: config.defaultResourceClassName,
    workspaceVolume: config.workspaceVolume,
    workspaceMountSubPathExpr: config.workspaceMountSubPathExpr,
    podSpecPatch: config.podSpecPatch,
    allowPodSpecPatchUnsafeCommandModification: config.allowPodSpecPatchUnsafeCommandModification,
    prohibitKubernetesPlugin: config.prohibitKubernetesPlugin,
  }
}

function imageCheck(config: PodConfig): ImageCheck | undefined {
  if (!config.imageCheck) return undefined
  return {
    pullPolicy: config.imageCheckPullPolicy,
    limits: {
      cpu: config.imageCheckContainerCpuLimit,
      memory: config.imageCheckContainerMemoryLimit,
    },
  }
}
