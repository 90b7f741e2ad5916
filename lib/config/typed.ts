import { hostname } from 'node:os'
import type { V1Volume } from '@kubernetes/client-node'
import type { LogLevel } from '../log.js'
import type { AgentConfig } from '../types/agent-config.js'
import type { CheckoutParams } from '../types/checkout-params.js'
import type { CommandParams } from '../types/command-params.js'
import type { PodMetadata } from '../types/pod-metadata.js'
import type { ResourceClass } from '../types/resource-class.js'
import type { SidecarParams } from '../types/sidecar-params.js'
import type { Values } from './flags.js'
import { listenAddress, type ListenAddress } from './formats.js'
import type { PodConfig, PullPolicy } from './config.js'

/** The checked values under the names and types that the program knows them by. */
export function typed(values: Values): PodConfig {
  const name = (values.name as string) || `${hostname()}-%i`
  return {
    ...spawnerSettings(values, name),
    ...podTimes(values),
    ...podScalars(values),
    ...podStructures(values),
  }
}

/** The installation's name as a label's value: the agents' name without the slot's number. */
export function instanceOf(name: string): string {
  const clean = name
    .replaceAll('%i', '')
    .toLowerCase()
    .replace(/[^a-z0-9.-]+/g, '-')
    .slice(0, 40)
    .replace(/^[^a-z0-9]+|[^a-z0-9]+$/g, '')
  return clean === '' ? 'job-spawner' : clean
}

function optional<T>(value: unknown): T | undefined {
  return (value ?? undefined) as T | undefined
}

function spawnerSettings(values: Values, name: string) {
  return {
    endpoint: (values.endpoint as string).replace(/\/+$/, ''),
    tags: values.tags as string[],
    name: name.includes('%i') || values['max-in-flight'] === 1 ? name : `${name}-%i`,
    instance: instanceOf(name),
    maxInFlight: values['max-in-flight'] as number,
    namespace: values.namespace as string,
    kubeconfig: optional<string>(values.kubeconfig),
    context: optional<string>(values.context),
    ledgerNamespace: optional<string>(values['ledger-namespace']),
    gatewayListen: listenAddress(values['gateway-listen']) as ListenAddress,
    gatewayUrl: optional<string>(values['gateway-url'])?.replace(/\/+$/, ''),
    gatewayService: optional<string>(values['gateway-service']),
    gatewayAddress: optional<string>(values['gateway-address']),
    metricsListen: listenAddress(values['metrics-listen']) as ListenAddress,
    leaseDuration: values['lease-duration'] as number,
    allowOtherBuilds: values['allow-other-builds'] as boolean,
    shutdownGrace: values['shutdown-grace'] as number,
    logLevel: values['log-level'] as LogLevel,
  }
}

function podTimes(values: Values) {
  return {
    jobTtl: values['job-ttl'] as number,
    jobActiveDeadlineSeconds: values['job-active-deadline-seconds'] as number,
    podPendingTimeout: values['pod-pending-timeout'] as number,
    imagePullBackoffGracePeriod: values['image-pull-backoff-grace-period'] as number,
    emptyJobGracePeriod: values['empty-job-grace-period'] as number,
    containerStartTimeout: values['container-start-timeout'] as number,
    maxHoldOnFailure: values['max-hold-on-failure'] as number,
    defaultTerminationGracePeriodSeconds: values[
      'default-termination-grace-period-seconds'
    ] as number,
  }
}

function podScalars(values: Values) {
  return {
    agentImage: values['agent-image'] as string,
    jobPrefix: values['job-prefix'] as string,
    imagePullPolicy: optional<PullPolicy>(values['image-pull-policy']),
    imageCheck: values['image-check'] as boolean,
    imageCheckPullPolicy: optional<PullPolicy>(values['image-check-pull-policy']),
    imageCheckContainerCpuLimit: values['image-check-container-cpu-limit'] as string,
    imageCheckContainerMemoryLimit: values['image-check-container-memory-limit'] as string,
    workspaceMountSubPathExpr: optional<string>(values['workspace-mount-sub-path-expr']),
    additionalRedactedVars: optional<string[]>(values['additional-redacted-vars']),
    defaultResourceClassName: optional<string>(values['default-resource-class-name']),
    prohibitKubernetesPlugin: values['prohibit-kubernetes-plugin'] as boolean,
    allowPodSpecPatchUnsafeCommandModification: values[
      'allow-pod-spec-patch-unsafe-command-modification'
    ] as boolean,
  }
}

function podStructures(values: Values) {
  return {
    podSpecPatch: optional<Record<string, unknown>>(values['pod-spec-patch']),
    workspaceVolume: optional<V1Volume>(values['workspace-volume']),
    agentConfig: optional<AgentConfig>(values['agent-config']),
    defaultCheckoutParams: optional<CheckoutParams>(values['default-checkout-params']),
    defaultCommandParams: optional<CommandParams>(values['default-command-params']),
    defaultSidecarParams: optional<SidecarParams>(values['default-sidecar-params']),
    defaultMetadata: optional<PodMetadata>(values['default-metadata']),
    resourceClasses: optional<Record<string, ResourceClass>>(values['resource-classes']),
  }
}
