import type { V1Container, V1PodSpec } from '@kubernetes/client-node'
import { isProblem, Problem, type Evidence } from '../../errors.js'
import { check, checkKubernetes, typeName, withoutDirectives, withoutNulls } from '../../schemas.js'
import type { KubernetesPluginShape } from '../../types/kubernetes-plugin.js'

/** A container as its author writes it: we name it when the author does not. */
export type PluginContainer = Omit<V1Container, 'name'> & { name?: string }

/** A podSpec as its author writes it. */
export type AuthoredPodSpec = Omit<V1PodSpec, 'containers'> & { containers?: PluginContainer[] }

/** The body of the kubernetes plugin. */
export interface KubernetesPlugin extends Omit<KubernetesPluginShape, 'podSpec' | 'sidecars'> {
  podSpec?: AuthoredPodSpec
  sidecars?: PluginContainer[]
}

/**
 * The body of the kubernetes plugin among a job's `BUILDKITE_PLUGINS` (a JSON array of objects with one key each,
 * Agent API); undefined when the job has none.
 * @throws Problem JOB_PLUGIN that names the place when the text, an element or the body is not as it should be.
 */
export function kubernetesPlugin(text: string | undefined): KubernetesPlugin | undefined {
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
  // A plugin without a body is written `kubernetes: ~`.
  return bodies.length === 0 ? undefined : checked(bodies[0] ?? {})
}

/** The PodTemplate that the pod starts from: the one that the step names, unless it has a podSpec of its own. */
export function podTemplateName({ podSpec, podTemplate }: KubernetesPlugin): string | undefined {
  return podSpec === undefined ? podTemplate : undefined
}

/** How messages begin that say where in the plugin something is. */
export const pluginPlace = 'kubernetes plugin'

/** The place of the step's own patch. */
export const podSpecPatchPlace = `${pluginPlace}, podSpecPatch`

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
  // To the pod agent null is an empty list too (agent: verify_job.go).
  if (value === null) return []
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
  const body = withoutNullsButInPatches(value)
  const blame = {
    code: 'JOB_PLUGIN',
    where: pluginPlace,
    message: pluginProblem({}).message,
  } as const
  try {
    const { podSpecPatch } = check('kubernetes-plugin', body, blame)
    const where = `${pluginPlace}.podSpecPatch`
    // Before it is merged: what it brings is read on the way, and must be what it is to be.
    checkKubernetes('PodSpec', withoutDirectives(podSpecPatch ?? {}), { ...blame, where })
    return body as KubernetesPlugin
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

// To Kubernetes null is "not there", but in a patch it is "take it away".
function withoutNullsButInPatches(value: unknown): unknown {
  const entries = entriesOf(value)?.filter(([, one]) => one !== null)
  if (entries === undefined) return value
  return Object.fromEntries(
    entries.map(([key, one]) => [key, key === 'podSpecPatch' ? one : withoutNulls(one)]),
  )
}

/** The entries of a JSON object; undefined for any other value. */
function entriesOf(value: unknown): [string, unknown][] | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  return Object.entries(value)
}
