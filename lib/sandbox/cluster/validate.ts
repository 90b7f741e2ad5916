import type { Container, JobObject, PodSpec, ProjectedVolume } from './objects.js'
import type { Cause } from './status.js'

const subdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/
const label = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/
const labelName = /^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/
const variable = /^[-._a-zA-Z][-._a-zA-Z0-9]*$/
const leastTokenSeconds = 600
const secretLimit = 1024 * 1024

/** What is wrong with the name of a new object: nothing, or one cause. */
export function nameCauses(name: unknown, longest = 253): Cause[] {
  const field = 'metadata.name'
  if (typeof name !== 'string' || name === '') {
    return [required(field, 'name or generateName is required')]
  }
  if (subdomain.test(name) && name.length <= longest) return []
  return [bad(field, `must be a lowercase RFC 1123 subdomain of at most ${longest} characters`)]
}

/**
 * What is wrong with a Job: a small part of what the real API server checks, chosen so that a broken manifest does not
 * pass here and fail there.
 */
export function jobCauses(job: Partial<JobObject>): Cause[] {
  // The name becomes the value of a label, which is why it may not be longer than 63.
  const name = nameCauses(job.metadata?.name, 63)
  const labels = labelCauses(job.metadata?.labels, 'metadata.labels')
  const template = job.spec?.template
  if (!template?.spec) return [...name, ...labels, required('spec.template.spec', 'required')]
  const restart = template.spec.restartPolicy
  const policy =
    restart === 'Never' || restart === 'OnFailure'
      ? []
      : [bad('spec.template.spec.restartPolicy', 'valid values: "OnFailure", "Never"')]
  return [
    ...name,
    ...labels,
    ...labelCauses(template.metadata?.labels, 'spec.template.metadata.labels'),
    ...policy,
    ...podCauses(template.spec, 'spec.template.spec'),
  ]
}

/** What is wrong with a pod's spec. */
export function podCauses(spec: Partial<PodSpec>, at: string): Cause[] {
  const containers = spec.containers ?? []
  const inits = spec.initContainers ?? []
  const none = containers.length === 0 ? [required(`${at}.containers`, 'required')] : []
  const places: [Container, string][] = [
    ...inits.map((item, i): [Container, string] => [item, `${at}.initContainers[${i}]`]),
    ...containers.map((item, i): [Container, string] => [item, `${at}.containers[${i}]`]),
  ]
  const volumes = new Set((spec.volumes ?? []).map(volume => volume.name))
  const names = places.map(([container]) => container.name)
  const twice = places
    .filter(([container], i) => names.indexOf(container.name) < i)
    .map(([, place]) => cause('FieldValueDuplicate', `${place}.name`, 'Duplicate value'))
  return [
    ...none,
    ...twice,
    ...(spec.volumes ?? []).flatMap((volume, i) => volumeCauses(volume, `${at}.volumes[${i}]`)),
    ...places.flatMap(([item, place]) => containerCauses(item, place, volumes)),
  ]
}

function volumeCauses(volume: ProjectedVolume, at: string): Cause[] {
  return (volume.projected?.sources ?? []).flatMap(({ serviceAccountToken }, i) => {
    const field = `${at}.projected.sources[${i}].serviceAccountToken.expirationSeconds`
    const { expirationSeconds = leastTokenSeconds } = serviceAccountToken ?? {}
    if (expirationSeconds >= leastTokenSeconds) return []
    return [bad(field, 'may not specify a duration less than 10 minutes')]
  })
}

function containerCauses(container: Container, at: string, volumes: Set<string>): Cause[] {
  const name = !container.name
    ? [required(`${at}.name`, 'required')]
    : label.test(container.name) && container.name.length <= 63
      ? []
      : [bad(`${at}.name`, 'must be an RFC 1123 label')]
  const image = container.image ? [] : [required(`${at}.image`, 'required')]
  const env = (container.env ?? []).flatMap((item, i) => {
    if (!variable.test(item.name)) return [bad(`${at}.env[${i}].name`, 'not a name of a variable')]
    if (item.value === undefined || typeof item.value === 'string') return []
    return [bad(`${at}.env[${i}].value`, 'must be a string')]
  })
  const mounts = (container.volumeMounts ?? []).flatMap((mount, i) =>
    volumes.has(mount.name)
      ? []
      : [
          cause(
            'FieldValueNotFound',
            `${at}.volumeMounts[${i}].name`,
            `Not found: "${mount.name}"`,
          ),
        ],
  )
  return [...name, ...image, ...env, ...mounts]
}

/** What is wrong with labels. */
export function labelCauses(labels: unknown, at: string): Cause[] {
  return Object.entries(labels ?? {}).flatMap(([key, value]) => {
    const name = key.includes('/') ? key.slice(key.indexOf('/') + 1) : key
    if (name.length > 63 || !labelName.test(name)) return [bad(at, `the key "${key}" is not valid`)]
    if (value === '') return []
    if (typeof value === 'string' && value.length <= 63 && labelName.test(value)) return []
    return [bad(at, `the value of "${key}" is not valid: at most 63 of letters, digits, - _ .`)]
  })
}

/** What is wrong with a Secret: more than 1 MiB in all. */
export function secretCauses(data: Record<string, string>): Cause[] {
  const size = Object.values(data).reduce((sum, text) => sum + Buffer.byteLength(text, 'base64'), 0)
  return size <= secretLimit
    ? []
    : [bad('data', `Too long: may not be more than ${secretLimit} bytes`)]
}

/** What is wrong with an event: it stands in the namespace of what it is about. */
export function eventCauses(event: { [field: string]: unknown }): Cause[] {
  const { namespace } = (event['metadata'] ?? {}) as { namespace?: string }
  const about = (event['involvedObject'] ?? {}) as { namespace?: string }
  if (namespace === undefined || about.namespace === namespace) return []
  return [bad('involvedObject.namespace', 'does not match event.namespace')]
}

function cause(reason: Cause['reason'], field: string, message: string): Cause {
  return { reason, field, message }
}

function required(field: string, message: string): Cause {
  return cause('FieldValueRequired', field, `Required value: ${message}`)
}

function bad(field: string, message: string): Cause {
  return cause('FieldValueInvalid', field, `Invalid value: ${message}`)
}
