import type { V1Container } from '@kubernetes/client-node'
import type { PodSettings } from '../given/settings.js'

/** The `imagePullPolicy` of a container: its own, else the operator's, else none, as a part of its literal. */
export function imagePullPolicy(
  settings: PodSettings,
  own?: string,
): Pick<V1Container, 'imagePullPolicy'> {
  const policy = own ?? settings.imagePullPolicy
  return policy === undefined ? {} : { imagePullPolicy: policy }
}
