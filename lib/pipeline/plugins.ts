import { valueAt, type Path } from './source.js'
import { isMap } from './values.js'

/**
 * A plugin's full source: `docker#v1` is `github.com/buildkite-plugins/docker-buildkite-plugin#v1`, `acme/x` is
 * `github.com/acme/x-buildkite-plugin`; paths and URLs are left alone (Buildkite's "Plugin sources").
 */
export function pluginSource(source: string): string {
  if (/^[./\\]/.test(source) || /^[A-Za-z][A-Za-z0-9+.-]*:/.test(source)) return source
  const [path = '', version] = source.split('#', 2)
  const parts = path.split('/')
  if (parts.length > 2) return source
  const suffix = version === undefined ? '' : `#${version}`
  const owner = parts.length === 2 ? parts[0] : 'buildkite-plugins'
  return `github.com/${owner}/${parts.at(-1)}-buildkite-plugin${suffix}`
}

/** One plugin of a step, as `BUILDKITE_PLUGINS` has it: its full source and its settings, `null` without settings. */
export type Plugin = Record<string, unknown>

/**
 * The plugins of a step in the order given. The YAML may be a list of names and one-key maps, or one map.
 * Nothing when it is none of these.
 */
export function pluginList(value: unknown): Plugin[] | undefined {
  if (isMap(value)) return Object.entries(value).map(([source, config]) => plugin(source, config))
  if (!Array.isArray(value)) return undefined
  const items = value as unknown[]
  if (!items.every(isPlugin)) return undefined
  return items.flatMap(item =>
    typeof item === 'string'
      ? [plugin(item, null)]
      : Object.entries(item).map(([source, config]) => plugin(source, config)),
  )
}

/** Whether an item of a list of plugins is one. */
export function isPlugin(item: unknown): item is string | Record<string, unknown> {
  return typeof item === 'string' || isMap(item)
}

function plugin(source: string, config: unknown): Plugin {
  return { [pluginSource(source)]: config ?? null }
}

const kubernetes = pluginSource('kubernetes')

/** The path of the kubernetes plugin's body among the plugins that stand at `path`; `path` itself when it is not there. */
export function pluginPath(document: unknown, path: Path): Path {
  const plugins = valueAt(document, path)
  const isOurs = (source: string) => pluginSource(source).split('#', 1)[0] === kubernetes
  if (isMap(plugins)) {
    const key = Object.keys(plugins).find(isOurs)
    return key === undefined ? path : [...path, key]
  }
  for (const [index, item] of (Array.isArray(plugins) ? plugins : []).entries()) {
    const key = isMap(item) ? Object.keys(item).find(isOurs) : undefined
    if (key !== undefined) return [...path, index, key]
  }
  return path
}
