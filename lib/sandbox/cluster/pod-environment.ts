import type { Container, EnvVar, PodObject } from './objects.js'

/** Looks up the text values of a Secret or a ConfigMap of the pod's namespace; undefined when there is none. */
export interface Lookups {
  secret(name: string): Record<string, string> | undefined
  configMap(name: string): Record<string, string> | undefined
}

/** The environment of a container, or why there can be none, in the kubelet's words. */
export type ContainerEnvironment = { values: Record<string, string> } | { missing: string }

/** The environment of one container of a pod: `envFrom` first, then `env` in order, `$(NAME)` put in. */
export function containerEnvironment(
  pod: PodObject,
  container: Container,
  lookups: Lookups,
): ContainerEnvironment {
  const values: Record<string, string> = {}
  for (const source of container.envFrom ?? []) {
    const { secretRef, configMapRef, prefix = '' } = source
    const found = secretRef
      ? lookups.secret(secretRef.name)
      : lookups.configMap(configMapRef?.name ?? '')
    const kind = secretRef ? 'secret' : 'configmap'
    const reference = secretRef ?? configMapRef
    if (!found && !reference?.optional) return { missing: `${kind} "${reference?.name}" not found` }
    for (const [key, value] of Object.entries(found ?? {})) values[`${prefix}${key}`] = value
  }
  for (const variable of container.env ?? []) {
    const found = valueOf(pod, variable, values, lookups)
    if ('missing' in found) return found
    if (found.value !== undefined) values[variable.name] = found.value
  }
  return { values }
}

/** The text with `$(NAME)` replaced where NAME is known, and `$$` for a dollar sign, as Kubernetes does it. */
export function expand(text: string, known: Readonly<Record<string, string>>): string {
  return text.replaceAll(/\$\$|\$\(([^)]*)\)/g, (found, name: string | undefined) => {
    if (name === undefined) return '$'
    return known[name] ?? found
  })
}

type Found = { value: string | undefined } | { missing: string }

function valueOf(
  pod: PodObject,
  variable: EnvVar,
  known: Record<string, string>,
  lookups: Lookups,
): Found {
  const { fieldRef, secretKeyRef, configMapKeyRef } = variable.valueFrom ?? {}
  if (fieldRef) return { value: fieldValue(pod, fieldRef.fieldPath) }
  if (secretKeyRef) return keyValue('secret', secretKeyRef, lookups.secret(secretKeyRef.name), pod)
  if (configMapKeyRef) {
    return keyValue('configmap', configMapKeyRef, lookups.configMap(configMapKeyRef.name), pod)
  }
  return { value: expand(variable.value ?? '', known) }
}

function keyValue(
  kind: string,
  reference: { name: string; key: string; optional?: boolean },
  found: Record<string, string> | undefined,
  pod: PodObject,
): Found {
  const value = found?.[reference.key]
  if (value !== undefined || reference.optional) return { value }
  if (!found) return { missing: `${kind} "${reference.name}" not found` }
  const where = `${pod.metadata.namespace}/${reference.name}`
  return { missing: `couldn't find key ${reference.key} in ${kind} ${where}` }
}

function fieldValue(pod: PodObject, path: string): string {
  const map = /^metadata\.(labels|annotations)\['([^']+)'\]$/.exec(path)
  if (map) {
    const from = map[1] === 'labels' ? pod.metadata.labels : pod.metadata.annotations
    return from?.[map[2] ?? ''] ?? ''
  }
  const known: Record<string, string | undefined> = {
    'metadata.name': pod.metadata.name,
    'metadata.namespace': pod.metadata.namespace,
    'metadata.uid': pod.metadata.uid,
    'spec.nodeName': pod.spec.nodeName,
    'spec.serviceAccountName': pod.spec.serviceAccountName ?? 'default',
    'status.podIP': '127.0.0.1',
    'status.podIPs': '127.0.0.1',
    'status.hostIP': '127.0.0.1',
    'status.hostIPs': '127.0.0.1',
  }
  return known[path] ?? ''
}
