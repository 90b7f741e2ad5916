import type {
  V1Container,
  V1EnvFromSource,
  V1PodSpec,
  V1VolumeMount,
} from '@kubernetes/client-node'
import { isProblem, Problem, type Evidence } from '../errors.js'
import { check, typeName } from '../schemas.js'
import type { KubernetesPluginShape } from '../types/kubernetes-plugin.js'

/** A container as the plugin writes it: we name it when the author does not. */
export type PluginContainer = Omit<V1Container, 'name'> & { name?: string }

/** The body of the kubernetes plugin: our schema's shape, with Kubernetes' types where Kubernetes judges. */
export interface KubernetesPlugin extends Pick<KubernetesPluginShape, 'checkout' | 'metadata'> {
  podSpec?: Omit<V1PodSpec, 'containers'> & { containers?: PluginContainer[] }
  sidecars?: PluginContainer[]
  gitEnvFrom?: V1EnvFromSource[]
  extraVolumeMounts?: V1VolumeMount[]
}

/**
 * The body of the kubernetes plugin among a job's `BUILDKITE_PLUGINS` (a JSON array of objects with one key each,
 * Agent API), or an empty one when the job has none.
 * @throws Problem JOB_PLUGIN that names the place when the text, an element or the body is not as it should be.
 */
export function kubernetesPlugin(text: string | undefined): KubernetesPlugin {
  const bodies = elements(text)
    .map(onlyEntry)
    .filter(([key]) => isOurs(key))
    .map(([, body]) => body)
  if (bodies.length > 1) {
    throw malformed({
      where: pluginsName,
      wanted: 'one kubernetes plugin',
      found: `${bodies.length} of them`,
      hint: 'merge them into one',
    })
  }
  return checked(bodies[0] ?? {})
}

/** How messages begin that say where in the plugin something is. */
export const pluginPlace = 'kubernetes plugin'

/** The problem of a plugin that cannot be used. */
export function pluginProblem(evidence: Evidence): Problem {
  return new Problem('JOB_PLUGIN', "the step's kubernetes plugin cannot be used", evidence)
}

const pluginsName = 'BUILDKITE_PLUGINS'

function malformed(evidence: Evidence): Problem {
  return new Problem('JOB_PLUGIN', "the job's list of plugins cannot be read", evidence)
}

function elements(text: string | undefined): unknown[] {
  if (text === undefined || text.trim() === '') return []
  const wanted = 'a JSON array of objects with one key each'
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    // The parser's own message quotes its input, which may hold secrets: it is not passed on.
    throw malformed({ where: pluginsName, wanted, found: 'text that is not JSON' })
  }
  if (Array.isArray(value)) return value as unknown[]
  throw malformed({ where: pluginsName, wanted, found: typeName(value) })
}

function onlyEntry(element: unknown, index: number): [string, unknown] {
  const entries = entriesOf(element)
  const [entry, ...others] = entries ?? []
  if (entry && others.length === 0) return entry
  throw malformed({
    where: `${pluginsName}, element ${index}`,
    wanted: 'an object with one key, the name of the plugin',
    found: entries ? `an object with ${entries.length} keys` : typeName(element),
  })
}

const ourName = 'github.com/buildkite-plugins/kubernetes-buildkite-plugin'

// The pod agent takes the exact name alone out of the list; any other form it would try to clone (agent: job_runner.go).
function isOurs(key: string): boolean {
  if (key === ourName) return true
  const [name] = key.split('#', 1)
  if (name !== ourName && name !== 'kubernetes') return false
  throw malformed({
    where: pluginsName,
    wanted: ourName,
    found: key.includes('#') ? 'the kubernetes plugin with a version' : 'its short name',
    hint: 'write it in the pipeline as "kubernetes:", without a version',
  })
}

function checked(value: unknown): KubernetesPlugin {
  refuseNotYet(value)
  const blame = {
    code: 'JOB_PLUGIN',
    where: pluginPlace,
    message: pluginProblem({}).message,
  } as const
  try {
    return check('kubernetes-plugin', value, blame)
  } catch (error) {
    if (!isProblem(error)) throw error
    const { where, wanted, found, hint } = error
    throw pluginProblem({
      where: where?.replace(`${pluginPlace}.`, `${pluginPlace}, `),
      wanted,
      found,
      hint,
    })
  }
}

/** Keys of the same plugin for agent-stack-k8s that we know and cannot honour yet: no typing errors. */
const notYet = {
  plugin: [
    'commandParams',
    'jobActiveDeadlineSeconds',
    'podSpecPatch',
    'podTemplate',
    'resourceClass',
    'sidecarParams',
  ],
  checkout: [
    'checkoutFlags',
    'cleanFlags',
    'cloneFlags',
    'envFrom',
    'extraVolumeMounts',
    'fetchFlags',
    'gitCredentialsSecret',
    'gitMirrors',
    'noSubmodules',
    'submoduleCloneConfig',
  ],
}

/** Keys that we honour, for the message beside those that we do not. */
const supported = {
  plugin: ['checkout', 'extraVolumeMounts', 'gitEnvFrom', 'metadata', 'podSpec', 'sidecars'],
  checkout: ['skip'],
}

function refuseNotYet(value: unknown): void {
  refuseKeys('plugin', value, '')
  const checkout = entriesOf(value)?.find(([key]) => key === 'checkout')
  refuseKeys('checkout', checkout?.[1], 'checkout.')
}

function refuseKeys(part: keyof typeof notYet, value: unknown, path: string): void {
  const [key] = entriesOf(value)?.find(([one]) => notYet[part].includes(one)) ?? []
  if (key === undefined) return
  throw pluginProblem({
    where: `${pluginPlace}, ${path}${key}`,
    wanted: `one of: ${supported[part].join(', ')}`,
    found: `the key ${JSON.stringify(key)}`,
    hint: 'not supported yet: remove the key',
  })
}

/** The entries of a JSON object; undefined for any other value. */
function entriesOf(value: unknown): [string, unknown][] | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  return Object.entries(value)
}
