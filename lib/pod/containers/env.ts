import type { V1EnvVar } from '@kubernetes/client-node'

/**
 * A variable with exactly this value. The kubelet reads `$(NAME)` in a value as a reference and `$$` as one dollar
 * sign, so that `echo $$` and `$(date)` in a job's command would not survive; doubled dollar signs do.
 */
export function exactly(name: string, value: string): V1EnvVar {
  return { name, value: value.replaceAll('$', () => '$$') }
}

/** A variable whose value the kubelet takes from a field of the pod. */
export function fromField(name: string, fieldPath: string): V1EnvVar {
  return { name, valueFrom: { fieldRef: { fieldPath } } }
}

/** A container's own variables, then ours. Ours are what makes the container work, so its own of the same name go. */
export function ownThenOurs(own: readonly V1EnvVar[] = [], ours: readonly V1EnvVar[]): V1EnvVar[] {
  const taken = new Set(ours.map(variable => variable.name))
  return [...own.filter(variable => !taken.has(variable.name)), ...ours]
}

/** A container's own variables, then those of the usual ones that it does not have itself. */
export function unlessOwn(own: readonly V1EnvVar[], usual: readonly V1EnvVar[]): V1EnvVar[] {
  const taken = new Set(own.map(variable => variable.name))
  return [...own, ...usual.filter(variable => !taken.has(variable.name))]
}
