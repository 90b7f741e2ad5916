import type { Problem } from '../../errors.js'
import { valueAt, type Path } from '../../pipeline/source.js'
import { isMap } from '../../pipeline/values.js'
import { pluginPlace } from '../../pod/given/plugin.js'
import type { Places } from './step-jobs.js'

/** What in the file a problem of a job is about: the key at fault, else what is nearest to it. */
export function pathOfProblem({ where = '', found = '' }: Problem, places: Places): Path {
  if (where.startsWith(pluginPlace)) {
    const rest = where.slice(pluginPlace.length).replace(/^[\s,.:]+/, '')
    const path = [...places.plugin, ...pathIn(valueAt(places.source.value, places.plugin), rest)]
    const unknown = /^the unknown key ("(?:[^"\\]|\\.)*")/.exec(found)?.[1]
    return unknown === undefined ? path : [...path, JSON.parse(unknown) as string]
  }
  const container = /^the container (\S+)/.exec(where)?.[1]
  if (container !== undefined) return containerPath(container, places)
  if (/BUILDKITE_PLUGINS/.test(where)) return places.plugin
  if (/BUILDKITE_IMAGE/.test(where)) return places.image
  if (/BUILDKITE_COMMAND/.test(where)) return places.command
  return places.step
}

const lists: { path: Path; usual?: string }[] = [
  { path: ['podSpec', 'containers'], usual: 'container' },
  { path: ['podSpec', 'initContainers'] },
  { path: ['sidecars'], usual: 'sidecar' },
  { path: ['podSpecPatch', 'containers'] },
  { path: ['podSpecPatch', 'initContainers'] },
]

// Of a container only its image is judged by its finished form; where the plugin has none, the step's image is meant.
function containerPath(name: string, { source, plugin, step, image }: Places): Path {
  for (const { path, usual } of lists) {
    const at = [...plugin, ...path]
    const list = valueAt(source.value, at)
    const names = (Array.isArray(list) ? (list as unknown[]) : []).map((item, index) =>
      nameOf(item, `${usual}-${index}`),
    )
    const found = [...at, names.indexOf(name), 'image']
    if (valueAt(source.value, found) !== undefined) return found
  }
  return valueAt(source.value, image) === undefined ? step : image
}

function nameOf(container: unknown, usual: string): string {
  const name = valueAt(container, ['name'])
  return typeof name === 'string' ? name : usual
}

/** FILE:LINE:COLUMN of a path in the file; without a text, the path itself. */
export function placeText({ source }: Pick<Places, 'source'>, path: Path): string {
  const position = source.position(path)
  return position ? `${source.name}:${position.line}:${position.column}` : source.name
}

/** A way such as `podSpec.containers.0.args` or `podSpec.containers[0]` into a value; keys may hold dots themselves. */
export function pathIn(value: unknown, text: string): Path {
  if (text === '') return []
  for (const key of keysOf(value)) {
    const rest = afterKey(text, key)
    if (rest !== undefined) {
      const inner = valueAt(value, [key])
      return [Array.isArray(value) ? Number(key) : key, ...pathIn(inner, rest)]
    }
  }
  return []
}

// The longest first: of `a` and `a.b`, `a.b.c` means the second.
function keysOf(value: unknown): string[] {
  const keys = isMap(value) || Array.isArray(value) ? Object.keys(value) : []
  return keys.toSorted((a, b) => b.length - a.length)
}

function afterKey(text: string, key: string): string | undefined {
  const [rest] = [`[${JSON.stringify(key)}]`, `[${key}]`, key]
    .filter(head => text.startsWith(head))
    .map(head => text.slice(head.length))
  if (rest === undefined || (rest !== '' && !/^[\s.,:[(]/.test(rest))) return undefined
  return rest.replace(/^[\s.,:]+/, '')
}
