import type { PodObject } from './objects.js'
import { badRequest } from './status.js'

/** What `pods/NAME/log` answers: the end of a container's output, as text. @throws Refusal (400). */
export function podLog(
  pod: PodObject,
  query: { container?: string | undefined; tailLines?: number; limitBytes?: number },
  read: (container: string) => Buffer | undefined,
): Buffer {
  const { name } = pod.metadata
  const all = [...(pod.spec.initContainers ?? []), ...pod.spec.containers].map(each => each.name)
  if (query.container === undefined && all.length > 1) {
    throw badRequest(
      `a container name must be specified for pod ${name}, choose one of: [${all.join(' ')}]`,
    )
  }
  const container = query.container ?? all[0] ?? ''
  if (!all.includes(container))
    throw badRequest(`container ${container} is not valid for pod ${name}`)
  const output = read(container)
  if (!output) {
    throw badRequest(
      `container "${container}" in pod "${name}" is waiting to start: ContainerCreating`,
    )
  }
  const tail = query.tailLines === undefined ? output : lastLines(output, query.tailLines)
  return query.limitBytes === undefined ? tail : tail.subarray(0, query.limitBytes)
}

function lastLines(output: Buffer, count: number): Buffer {
  if (count <= 0) return Buffer.alloc(0)
  // The newline at the very end ends the last line, and does not begin another.
  let at = output.length - 1
  for (let left = count; left > 0; left--) {
    at = at <= 0 ? -1 : output.lastIndexOf(0x0a, at - 1)
    if (at === -1) return output
  }
  return output.subarray(at + 1)
}
