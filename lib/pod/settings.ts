import type { V1Container } from '@kubernetes/client-node'

/** What the operator, and the run at hand, say about each pod. */
export interface PodSettings {
  /** Which job spawner this is: its label is on everything that it makes. */
  instance: string
  /** The namespace of the Jobs. */
  namespace: string
  /** The image with buildkite-agent and tini-static in it. */
  agentImage: string
  /** For containers that do not say; unset leaves it to the cluster. */
  imagePullPolicy?: 'Always' | 'IfNotPresent' | 'Never'
  /** How long a finished Job stays, in seconds. */
  jobTtlSeconds: number
  /** The gateway's base URL with its version path, as pods reach it. */
  gatewayEndpoint: string
  /** What the pod agent registers with at the gateway. It is good for one run only. */
  token: string
}

/** The `imagePullPolicy` of a container: its own, else the operator's, else none, as a part of its literal. */
export function imagePullPolicy(
  settings: PodSettings,
  own?: string,
): Pick<V1Container, 'imagePullPolicy'> {
  const policy = own ?? settings.imagePullPolicy
  return policy === undefined ? {} : { imagePullPolicy: policy }
}
