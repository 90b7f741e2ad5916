import type { V1Container, V1EnvVar, V1PodSpec } from '@kubernetes/client-node'
import { usuallyRedacted } from '../containers/agent.js'

/** What is known of a run's secrets. */
export interface SecretSources {
  /** The job's environment, as upstream gave it. */
  env?: Readonly<Record<string, string>> | undefined
  /** The pod's spec, or that of its Job's template. */
  podSpec?: V1PodSpec | undefined
  /** Patterns of names whose values are secret, besides the usual ones and those that the pod's agent is given. */
  redactedVars?: readonly string[] | undefined
}

/** The values that must not be seen: those of at least six bytes whose variables' names match, as for the agent. */
export function secretValues({ env = {}, podSpec, redactedVars = [] }: SecretSources): string[] {
  const isSecret = secretNames([...redactedVars, ...knownPatterns(podSpec)])
  const values = [
    ...Object.entries(env).flatMap(([name, value]) => (isSecret(name) ? [value] : [])),
    ...containersOf(podSpec).flatMap(container => literalValues(container, isSecret)),
  ]
  return [...new Set(values)].filter(value => new TextEncoder().encode(value).length >= shortest)
}

/** Whether a variable of that name holds a secret. The patterns are the agent's: Go's `path.Match`. */
export function secretNames(patterns: readonly string[]): (name: string) => boolean {
  const expressions = patterns.map(expressionOf)
  return name => expressions.some(expression => expression.test(name))
}

/** The agent's usual patterns, and those that the pod's agent has been given. */
export function knownPatterns(podSpec: V1PodSpec | undefined): string[] {
  const given = containersOf(podSpec)
    .flatMap(({ env = [] }) => env.filter(({ name }) => name === 'BUILDKITE_REDACTED_VARS'))
    .flatMap(({ value = '' }) => value.split(','))
    .map(pattern => pattern.trim())
    .filter(pattern => pattern !== '')
  return [...usuallyRedacted, ...given]
}

/** All containers of a pod. */
export function containersOf(podSpec: V1PodSpec | undefined): V1Container[] {
  return [...(podSpec?.initContainers ?? []), ...(podSpec?.containers ?? [])]
}

// The agent's: what is shorter is too likely to stand in a log by chance.
const shortest = 6

// As the author wrote it, and as the container gets it. The kubelet sees the variables above only.
function literalValues({ env = [] }: V1Container, isSecret: (name: string) => boolean): string[] {
  return env.flatMap(({ name, value }, index) => {
    if (value === undefined || !isSecret(name)) return []
    return [value, expanded(value, env.slice(0, index))]
  })
}

function expanded(value: string, above: readonly V1EnvVar[]): string {
  return value.replaceAll(/\$(?:\$|\(([^)]*)\))/g, (whole, name: string | undefined) => {
    if (name === undefined) return '$'
    const index = above.findLastIndex(one => one.name === name)
    const found = above[index]?.value
    return found === undefined ? whole : expanded(found, above.slice(0, index))
  })
}

// What the agent would refuse stands for itself here: it must not lay bare what it was meant for.
function expressionOf(pattern: string): RegExp {
  const parts = pattern.match(/\\.|\[(?:\^[^\]]+|[^\]^][^\]]*)\]|[^]/g) ?? []
  return new RegExp(`^${parts.map(partOf).join('')}$`)
}

function partOf(part: string): string {
  if (part === '*') return '[^/]*'
  if (part === '?') return '[^/]'
  if (part.length > 1 && part.startsWith('[')) return classOf(part) ?? literal(part)
  return literal(part.length > 1 ? part.slice(1) : part)
}

/** A class of characters, which is much the same in both languages; undefined when it is none. */
function classOf(part: string): string | undefined {
  const [, not = '', characters = ''] = /^\[(\^?)(.*)\]$/s.exec(part) ?? []
  const ranges = [...characters.matchAll(/([^])-([^])/g)]
  if (ranges.some(([, low = '', high = '']) => low > high)) return undefined
  return `[${not}${characters.replaceAll(/[\\[\]^]/g, '\\$&')}]`
}

function literal(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\/-]/g, '\\$&')
}
