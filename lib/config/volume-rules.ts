import { isDnsLabel } from '../kubernetes-names.js'
import { tokenVolumeName } from '../pod-token.js'
import { pathText, type Fault, type Path } from './fault.js'
import { itemsOf, keysOf, textOf, type Keys } from './values.js'

/** The settings that name volumes, as they stand in the file. */
export interface VolumeSettings {
  'workspace-volume'?: unknown
  'agent-config'?: unknown
  'default-checkout-params'?: unknown
}

interface Place {
  path: Path
  volume: unknown
}

/** What is wrong with the operator's volumes: every one needs a name, and one of its own, for all meet in one pod. */
export function volumeFaults(settings: VolumeSettings): Fault[] {
  const places = volumePlaces(settings)
  const named = new Map<string, Path>()
  if ((settings['workspace-volume'] ?? null) === null) named.set('workspace', ['workspace-volume'])
  return places.flatMap(({ path, volume }) => {
    const name = keysOf(volume)['name']
    if (typeof name !== 'string' || name === '') return [unnamed(path, volume)]
    if (!isDnsLabel(name)) return [misnamed(path, name)]
    if (name === tokenVolumeName) return [ours(path, name)]
    const first = named.get(name)
    if (first !== undefined) return [taken(path, name, first)]
    named.set(name, path)
    return []
  })
}

/** What is wrong with `additional-hooks`: each needs a path, a volume and the volume's name. All faults at once. */
export function hookFaults(agentConfig: unknown): Fault[] {
  return itemsOf(keysOf(agentConfig)['additional-hooks']).flatMap((hook, index) => {
    const path: Path = ['agent-config', 'additional-hooks', index]
    const missing = ['path', 'volume'].filter(key => (keysOf(hook)[key] ?? null) === null)
    return missing.map(key => ({
      path: [...path, key],
      wanted: 'a path, a volume and the name of the volume for every additional hook',
      found: `no ${key}`,
      hint: 'write path: /where/it/is/mounted and volume: {name: …}',
    }))
  })
}

function volumePlaces(settings: VolumeSettings): Place[] {
  const agent = keysOf(settings['agent-config'])
  const mirrors = keysOf(keysOf(settings['default-checkout-params'])['gitMirrors'])
  const hooks = itemsOf(agent['additional-hooks']).map((hook, index) =>
    place(keysOf(hook), 'volume', ['agent-config', 'additional-hooks', index]),
  )
  return [
    place({ ...settings }, 'workspace-volume', []),
    ...['hooksVolume', 'pluginsVolume', 'signingJWKSVolume', 'verificationJWKSVolume'].map(key =>
      place(agent, key, ['agent-config']),
    ),
    ...hooks,
    place(mirrors, 'volume', ['default-checkout-params', 'gitMirrors']),
  ].filter(({ volume }) => (volume ?? null) !== null)
}

function place(parent: Keys, key: string, path: Path): Place {
  return { path: [...path, key], volume: parent[key] }
}

function unnamed(path: Path, volume: unknown): Fault {
  return {
    path: [...path, 'name'],
    wanted: 'a volume with a name',
    found: textOf(volume) === undefined ? 'no name' : 'a text in the place of the volume',
    hint: 'write name: NAME beside the source of the volume',
  }
}

function misnamed(path: Path, name: string): Fault {
  return {
    path: [...path, 'name'],
    wanted: 'a name of lower-case letters, digits and "-", 63 at most',
    found: JSON.stringify(name),
    hint: 'choose another name',
  }
}

function ours(path: Path, name: string): Fault {
  return {
    path: [...path, 'name'],
    wanted: 'a name that is none of ours',
    found: JSON.stringify(name),
    hint: 'choose another name',
  }
}

function taken(path: Path, name: string, first: Path): Fault {
  return {
    path: [...path, 'name'],
    wanted: 'a name that no other volume has',
    found: `${JSON.stringify(name)}, which is the name of the volume of ${pathText(first)}`,
    hint: 'choose another name',
  }
}
