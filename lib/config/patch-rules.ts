import { isImageReference } from '../kubernetes-names.js'
import type { Fault, Path } from './fault.js'
import { itemsOf, keysOf, textOf } from './values.js'

const lists = ['containers', 'initContainers'] as const

/**
 * What is wrong in the operator's `pod-spec-patch`: a command or args for a container of ours, unless that is allowed,
 * and images that no container runtime takes.
 */
export function patchFaults(
  patch: unknown,
  { allowCommands }: { allowCommands: boolean },
): Fault[] {
  return lists.flatMap(list =>
    itemsOf(keysOf(patch)[list]).flatMap((container, index) => {
      const path: Path = ['pod-spec-patch', list, index]
      return [
        ...(allowCommands ? [] : commandFaults(container, path)),
        ...imageFaults(container, path),
      ]
    }),
  )
}

/** Whether a container of that name is one that we make and that must run what we say. */
export function isOurContainer(name: string): boolean {
  return /^(agent|checkout|copy-agent|imagecheck-\d+)$/.test(name)
}

function commandFaults(container: unknown, path: Path): Fault[] {
  const name = textOf(keysOf(container)['name']) ?? ''
  if (!isOurContainer(name)) return []
  return (['command', 'args'] as const)
    .filter(key => keysOf(container)[key] !== undefined)
    .map(key => ({
      path: [...path, key],
      wanted: `no ${key}: what the container ${name} runs is ours`,
      found: `the key ${key}`,
      hint: 'remove it, or set allow-pod-spec-patch-unsafe-command-modification: true',
    }))
}

function imageFaults(container: unknown, path: Path): Fault[] {
  const image = textOf(keysOf(container)['image'])
  if (image === undefined || isImageReference(image)) return []
  const repository = repositoryOf(image)
  const lower = image.replace(repository, repository.toLowerCase())
  return [
    {
      path: [...path, 'image'],
      wanted: 'an image: [host[:port]/]path[:tag][@digest], with a path in lower case',
      found: JSON.stringify(image),
      hint: isImageReference(lower) ? `did you mean ${lower}?` : 'mend the name',
    },
  ]
}

// The image's name without its registry, tag and digest: a registry is a host, and those know no case.
function repositoryOf(image: string): string {
  const name = image.replace(/@.*$/, '').replace(/:[^/:]*$/, '')
  return name.replace(/^([^/]*[.:][^/]*|localhost)\//, '')
}
