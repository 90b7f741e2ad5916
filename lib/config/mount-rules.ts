import { isTokenFolder, tokenFolder } from '../pod-token.js'
import { pathText, type Fault, type Path } from './fault.js'
import { itemsOf, keysOf, textOf } from './values.js'

/** Where one of the operator's volumes is mounted in the agent container, and the setting that says so. */
interface Mount {
  path: Path
  folder: string
}

/**
 * What is wrong with the places of hooks, plugins and keys: each volume is mounted at a folder of its own, and none at
 * `/`. Of two at one folder a container would see the first alone.
 */
export function mountFaults(agentConfig: unknown): Fault[] {
  const first = new Map<string, Path>()
  return mounts(agentConfig).flatMap(({ path, folder }) => {
    if (folder === '') return [atRoot(path)]
    if (isTokenFolder(folder)) return [ours(path)]
    const other = first.get(folder)
    if (other !== undefined) return [taken(path, other)]
    first.set(folder, path)
    return []
  })
}

function mounts(agentConfig: unknown): Mount[] {
  const config = keysOf(agentConfig)
  const hooks = itemsOf(config['additional-hooks']).map((hook, index) => ({
    path: ['agent-config', 'additional-hooks', index, 'path'],
    volume: keysOf(hook)['volume'],
    folder: textOf(keysOf(hook)['path']),
  }))
  const own = (key: string, volume: string, folder: string) => ({
    path: ['agent-config', key],
    volume: config[volume],
    folder,
  })
  return [
    own('hooks-path', 'hooksVolume', textOf(config['hooks-path']) ?? '/workspace/hooks'),
    ...hooks,
    own('plugins-path', 'pluginsVolume', textOf(config['plugins-path']) ?? '/workspace/plugins'),
    own(
      'signing-jwks-file',
      'signingJWKSVolume',
      folderOf(textOf(config['signing-jwks-file']), '/buildkite/signing-jwks'),
    ),
    own(
      'verification-jwks-file',
      'verificationJWKSVolume',
      folderOf(textOf(config['verification-jwks-file']), '/buildkite/verification-jwks'),
    ),
  ].flatMap(({ path, volume, folder }) =>
    (volume ?? null) === null || folder === undefined
      ? []
      : [{ path, folder: folder.replace(/\/+$/, '') }],
  )
}

// As the pod builder has it: a bare name lies in our folder for it, of a whole path the folder is mounted.
function folderOf(file: string | undefined, usual: string): string {
  if (file === undefined || !file.startsWith('/')) return usual
  return file.slice(0, file.lastIndexOf('/'))
}

function ours(path: Path): Fault {
  return {
    path,
    wanted: `a folder outside of ${tokenFolder}`,
    found: 'the folder of the token with which the agent proves which pod it is in',
    hint: 'choose another folder',
  }
}

function atRoot(path: Path): Fault {
  return {
    path,
    wanted: 'a folder at which the volume can be mounted, or a file in one',
    found: 'the root of the file system',
    hint: 'choose a folder',
  }
}

function taken(path: Path, other: Path): Fault {
  return {
    path,
    wanted: 'a folder that no other volume is mounted at',
    found: `that of ${pathText(other)}`,
    hint: 'give each its own folder',
  }
}
