import { moved, movedKey } from '../../config/moved.js'
import { options } from '../../config/schema.js'
import { nearest } from '../../schemas.js'
import { valueAt, type Path, type Source } from '../../pipeline/source.js'
import { isMap } from '../../pipeline/values.js'
import { settingFaults } from './config-file.js'
import { findingOf, type Finding } from './finding.js'
import { isPeerConfig } from './kind.js'
import { usualFindings } from './peer-defaults.js'

/** Settings of ours. */
export type Settings = Record<string, unknown>

/** What agent-stack-k8s' settings, which stand at `path`, amount to here: a note on each key, and what is wrong. */
export function peerConfigFindings(source: Source, path: Path = []): Finding[] {
  const settings = settingsAt(source, path)
  const at = (key: readonly (string | number)[]): Path => [...path, ...key]
  const notes = [
    ...usualFindings(source, path, settings),
    ...keysOf(settings).map(key => keyFinding(source, at(key), key.join('.'))),
  ]
  // What has another name here is blamed where it stands.
  const faults = settingFaults(converted(settings)).map(fault => {
    const origin = originOf(String(fault.path[0]), settings)
    return findingOf(source, { ...fault, path: at([...origin, ...fault.path.slice(1)]) })
  })
  return [...notes, ...faults]
}

/** Whether the settings at the path are agent-stack-k8s'. */
export function hasPeerConfig(source: Source, path: Path = []): boolean {
  return isPeerConfig(settingsAt(source, path))
}

function settingsAt(source: Source, path: Path): Settings {
  const value = valueAt(source.value, path)
  return isMap(value) ? value : {}
}

// The keys, and those of agent-config that have moved out of it.
function keysOf(settings: Settings): string[][] {
  const agent = isMap(settings['agent-config']) ? Object.keys(settings['agent-config']) : []
  const inner = agent.filter(key => movedKey(`agent-config.${key}`))
  return [...Object.keys(settings).map(key => [key]), ...inner.map(key => ['agent-config', key])]
}

function keyFinding(source: Source, path: Path, key: string): Finding {
  if (key in options) {
    const hint = Object.hasOwn(ways, key) ? ways[key] : undefined
    return findingOf(source, { path, message: `${key} carries over as it is`, hint }, 'note')
  }
  const { becomes, why } = movedKey(key) ?? {}
  if (becomes !== undefined) {
    return findingOf(source, { path, message: `${key} becomes ${becomes}`, hint: why }, 'note')
  }
  if (why !== undefined) {
    return findingOf(source, { path, message: `${key} does not carry over`, hint: why }, 'note')
  }
  const message = `${key} is known neither to agent-stack-k8s nor here`
  const near = nearest(key, [...Object.keys(options), ...Object.keys(moved)])
  const hint = near === undefined ? 'remove the key' : `did you mean ${near}?`
  return findingOf(source, { path, message, hint }, 'warning')
}

// What is set in the same way and yet works in another.
const ways: Record<string, string> = {
  'resource-classes':
    'A step chooses one by resourceClass in its plugin; by agents: only when our agents have that tag.',
}

/** What agent-stack-k8s' settings are here: those that carry over, under our names. */
export function converted(settings: Settings): Settings {
  const kept = Object.entries(settings).filter(([key]) => key in options)
  const changed = Object.entries(settings).flatMap(
    ([key, value]) => conversions[key]?.(value) ?? [],
  )
  const agent = settings['agent-config']
  // There the one goes before the other.
  const debug = settings['debug'] === true ? { 'log-level': 'debug' } : {}
  const all = Object.assign({}, ...changed, Object.fromEntries(kept), debug) as Settings
  return withQueue(isMap(agent) ? withAgent(all, agent) : all, settings)
}

const as = (name: string) => (value: unknown) => ({ [name]: value })

const conversions: Record<string, (value: unknown) => Settings> = {
  image: as('agent-image'),
  id: as('name'),
  'default-image-pull-policy': as('image-pull-policy'),
  'default-image-check-pull-policy': as('image-check-pull-policy'),
  'skip-image-check-containers': value => ({ 'image-check': value !== true }),
  workspaceVolume: as('workspace-volume'),
  'prometheus-port': port => ({
    // There 0 is none.
    'metrics-listen': port === 0 ? '127.0.0.1:9216' : `0.0.0.0:${String(port)}`,
  }),
}

// agent-config without what stands elsewhere here.
function withAgent(all: Settings, agent: Settings): Settings {
  const kept = Object.entries(agent).filter(([key]) => !movedKey(`agent-config.${key}`))
  const inner = Object.fromEntries(kept)
  const { 'agent-config': _, ...others } = all
  return {
    ...others,
    ...(Object.keys(inner).length === 0 ? {} : { 'agent-config': inner }),
    ...(agent['endpoint'] === undefined ? {} : { endpoint: agent['endpoint'] }),
  }
}

// There the queue has a setting of its own, which goes before a tag.
function withQueue(all: Settings, { queue, tags = [] }: Settings): Settings {
  if (typeof queue !== 'string') return all
  const list = (typeof tags === 'string' ? tags.split(',') : [tags].flat()) as string[]
  return { ...all, tags: [`queue=${queue}`, ...list.filter(tag => !/^\s*queue=/.test(tag))] }
}

/** Where in their settings a setting of ours comes from. */
function originOf(name: string, settings: Settings): string[] {
  if (name in settings) return [name]
  const origins = Object.entries(moved).flatMap(([key, { becomes }]) =>
    becomes === name ? [key.split('.')] : [],
  )
  return origins.find(path => valueAt(settings, path) !== undefined) ?? [name]
}
