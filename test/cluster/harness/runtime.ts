import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import type { V1Pod } from '@kubernetes/client-node'
import { clusterState } from './env.js'
import { exec } from './exec.js'

/** Where the runtime of the first node listens. */
const firstSocket = join(clusterState, 'run/containerd.sock')

/** The first process of a container is killed by its runtime, which no process of the container can do. */
export async function killContainer(pod: V1Pod, name: string, socket = firstSocket): Promise<void> {
  await tasks(socket, ['kill', '--signal', 'SIGKILL', idOf(pod, name)])
}

/** Runs a command in a container without the kubelet, which may be dead. */
export async function execByRuntime(
  pod: V1Pod,
  name: string,
  { socket = firstSocket, command }: { socket?: string; command: readonly string[] },
): Promise<void> {
  await tasks(socket, ['exec', '--exec-id', randomUUID(), idOf(pod, name), ...command])
}

/** A label that `setImageLabel` has given to an image of the first node; nothing when there is none. */
export async function imageLabel(name: string, label: string): Promise<string | undefined> {
  const row = (await rows()).find(([found]) => found?.endsWith(`/${name}`)) ?? []
  return new RegExp(`\\b${label}=(\\w+)`).exec(row.join(' '))?.[1]
}

/** Labels an image of the first node, until it is made anew. */
export async function setImageLabel(name: string, label: string, value: string): Promise<void> {
  const found = (await rows()).map(([first = '']) => first).find(one => one.endsWith(`/${name}`))
  if (found) await images(['label', found, `${label}=${value}`])
}

// Another cluster's runtime is not ours to ask.
async function rows(): Promise<string[][]> {
  const table = await images(['ls']).catch(() => '')
  return table.split('\n').map(line => line.split(/\s+/))
}

function images(args: readonly string[]): Promise<string> {
  return exec('ctr', ['--address', firstSocket, '--namespace', 'k8s.io', 'images', ...args])
}

async function tasks(socket: string, args: readonly string[]): Promise<void> {
  await exec('ctr', ['--address', socket, '--namespace', 'k8s.io', 'tasks', ...args])
}

function idOf(pod: V1Pod, name: string): string {
  const { initContainerStatuses = [], containerStatuses = [] } = pod.status ?? {}
  const found = [...initContainerStatuses, ...containerStatuses].find(one => one.name === name)
  const id = found?.containerID?.replace('containerd://', '')
  if (id === undefined) throw new Error(`the pod has no container ${name} that has started`)
  return id
}
