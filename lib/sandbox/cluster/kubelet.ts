import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../../clock.js'
import type { Log } from '../../log.js'
import { timestamp, type PodObject } from './objects.js'
import type { Lookups } from './pod-environment.js'
import { unschedulableStatus } from './pod-status.js'
import type { PodTokens } from './pod-tokens.js'
import { PodWorker } from './pod-worker.js'
import type { Recorder, Said } from './recorder.js'
import type { Change, Storage } from './storage.js'

const scheduler = 'default-scheduler'

/** The labels of the one node. */
export const nodeLabels: Readonly<Record<string, string>> = {
  'kubernetes.io/os': 'linux',
  'kubernetes.io/arch': process.arch === 'x64' ? 'amd64' : process.arch,
  'kubernetes.io/hostname': 'sandbox',
}

/** The one node: it runs every pod that the storage shows it, and keeps the pods' status. */
export class Kubelet {
  readonly #workers = new Map<string, PodWorker>()
  readonly #storage: Storage
  readonly #recorder: Recorder
  readonly #tokens: PodTokens
  readonly #clock: Clock
  readonly #log: Log
  readonly #main: string
  readonly #root: string
  readonly #unsubscribe: () => void

  constructor(options: {
    storage: Storage
    recorder: Recorder
    tokens: PodTokens
    clock: Clock
    log: Log
    main: string
    root: string
  }) {
    this.#storage = options.storage
    this.#recorder = options.recorder
    this.#tokens = options.tokens
    this.#clock = options.clock
    this.#log = options.log
    this.#main = options.main
    this.#root = options.root
    this.#unsubscribe = this.#storage.subscribe(change => this.#hear(change))
  }

  /** What a container has printed so far; undefined when it has not started. */
  log(podUid: string, container: string): Buffer | undefined {
    return this.#workers.get(podUid)?.log(container)
  }

  /** Kills all pods' processes and waits until they are gone. */
  async close(): Promise<void> {
    this.#unsubscribe()
    const workers = [...this.#workers.values()]
    for (const worker of workers) worker.kill()
    await Promise.all(workers.map(worker => worker.over))
  }

  #hear(change: Change): void {
    if (change.resource !== 'pods') return
    const pod = change.object as PodObject
    if (change.type === 'ADDED') this.#place(pod)
    if (change.type === 'DELETED') this.#forget(pod)
    const before = change.previous as PodObject | undefined
    const grace = pod.metadata.deletionGracePeriodSeconds
    if (change.type === 'MODIFIED' && grace !== undefined) {
      if (before?.metadata.deletionGracePeriodSeconds !== grace) this.#end(pod, grace)
    }
  }

  #place(added: PodObject): void {
    const { namespace, name, uid } = added.metadata
    const pod = this.#current(namespace, name, uid)
    if (!pod) return
    const wanted = Object.entries(pod.spec.nodeSelector ?? {})
    if (!wanted.every(([key, value]) => nodeLabels[key] === value)) {
      const status = unschedulableStatus(timestamp(this.#clock.now()))
      this.#storage.update('pods', { ...pod, status })
      const message = status.conditions?.[0]?.message ?? ''
      this.#say(pod, { reason: 'FailedScheduling', message, type: 'Warning', by: scheduler })
      return
    }
    const spec = { ...pod.spec, nodeName: 'sandbox' }
    const placed = this.#storage.update('pods', { ...pod, spec }) as PodObject
    const message = `Successfully assigned ${namespace}/${name} to sandbox`
    this.#say(pod, { reason: 'Scheduled', message, by: scheduler })
    this.#work(placed)
  }

  #work(pod: PodObject): void {
    const { namespace, name, uid } = pod.metadata
    const root = join(this.#root, uid)
    mkdirSync(root, { recursive: true })
    const worker = new PodWorker(pod, {
      clock: this.#clock,
      main: this.#main,
      root,
      lookups: this.#lookups(namespace),
      issueToken: terms => this.#tokens.issue(pod, terms),
      publish: now => this.#storage.update('pods', now),
      current: () => this.#current(namespace, name, uid),
      say: said => this.#say(pod, { ...said, by: 'kubelet' }),
    })
    this.#workers.set(uid, worker)
    worker
      .start()
      .catch((err: unknown) => this.#log.error({ err, pod: name }, 'a pod of the sandbox broke'))
  }

  #current(namespace: string | undefined, name: string, uid: string): PodObject | undefined {
    const pod = this.#storage.get('pods', namespace, name)
    return pod?.metadata.uid === uid ? (pod as PodObject) : undefined
  }

  #end(pod: PodObject, graceSeconds: number): void {
    const { namespace, name, uid } = pod.metadata
    const worker = this.#workers.get(uid)
    for (const container of pod.spec.containers) {
      const { name: stopped } = container
      const message = `Stopping container ${stopped}`
      this.#say(pod, {
        ...{ reason: 'Killing', message, by: 'kubelet' },
        container: { name: stopped, init: false },
      })
    }
    const remove = () => {
      if (this.#current(namespace, name, uid)) this.#storage.remove('pods', namespace, name)
    }
    if (!worker) return remove()
    worker.terminate(graceSeconds).then(remove, (err: unknown) => {
      this.#log.error({ err, pod: name }, 'a pod of the sandbox did not end')
    })
  }

  #forget(pod: PodObject): void {
    const { uid } = pod.metadata
    const worker = this.#workers.get(uid)
    worker?.kill()
    this.#tokens.forget(uid)
    const drop = () => {
      this.#workers.delete(uid)
      rmSync(join(this.#root, uid), { recursive: true, force: true })
    }
    worker?.over.then(drop, drop)
  }

  #lookups(namespace: string | undefined): Lookups {
    return {
      secret: name => {
        const data = this.#storage.get('secrets', namespace, name)?.['data']
        return data === undefined ? undefined : decoded(data as Record<string, string>)
      },
      configMap: name => {
        const found = this.#storage.get('configmaps', namespace, name)
        return found && ((found['data'] ?? {}) as Record<string, string>)
      },
    }
  }

  #say(pod: PodObject, said: Said): void {
    this.#recorder.say(pod, said)
  }
}

function decoded(data: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(data).map(([key, text]) => [key, Buffer.from(text, 'base64').toString()]),
  )
}
