import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../../clock.js'
import type { ContainerInput, PodInput, PodReport } from '../pod-agent/input.js'
import { backOff, imageTrouble } from './images.js'
import { timestamp, type Container, type ContainerState, type PodObject } from './objects.js'
import { containerEnvironment, type Lookups } from './pod-environment.js'
import { startPodProcess, type PodProcess } from './pod-process.js'
import { podStatus } from './pod-status.js'
import type { TokenTerms } from './pod-tokens.js'
import type { Said } from './recorder.js'
import { tokenMounts, writeTokenFiles } from './token-files.js'

const logLimit = 4 * 1024 * 1024
const backOffMs = 300

/** What a worker needs of the kubelet. */
export interface PodHost {
  clock: Clock
  main: string
  root: string
  lookups: Lookups
  /** Makes a service account token for the pod. */
  issueToken(terms: TokenTerms): string
  /** Puts the pod as it is now into the storage. */
  publish(pod: PodObject): void
  /** The pod as it is in the storage, if it still is. */
  current(): PodObject | undefined
  say(said: Omit<Said, 'by'>): void
}

/** One pod on the node: its process, the states of its containers, and what they have printed. */
export class PodWorker {
  readonly #pod: PodObject
  readonly #host: PodHost
  readonly #states = new Map<string, ContainerState>()
  readonly #logs = new Map<string, { parts: Buffer[]; size: number }>()
  readonly #stop = new AbortController()
  readonly #startTime: string
  #process: PodProcess | undefined
  #running: Promise<void> = Promise.resolve()

  constructor(pod: PodObject, host: PodHost) {
    this.#pod = pod
    this.#host = host
    this.#startTime = this.#now()
  }

  /** Starts the pod; resolves when it is over, or when it cannot start and waits for someone to delete it. */
  start(): Promise<void> {
    this.#running = this.#run()
    return this.#running
  }

  /** SIGTERM, and SIGKILL after the grace; resolves when nothing of the pod runs any more. */
  async terminate(graceSeconds: number): Promise<void> {
    this.#stop.abort()
    const timer = setTimeout(() => this.kill(), graceSeconds * 1000)
    this.#process?.signal('SIGTERM')
    await this.#running
    clearTimeout(timer)
  }

  /** Ends all that runs, at once. */
  kill(): void {
    this.#stop.abort()
    this.#process?.kill()
  }

  /** Resolves when nothing of the pod runs any more. */
  get over(): Promise<void> {
    return this.#running
  }

  /** What a container has printed (the last 4 MiB), or undefined when it has not started. */
  log(container: string): Buffer | undefined {
    const state = this.#states.get(container)
    if (!state || 'waiting' in state) return undefined
    return Buffer.concat(this.#logs.get(container)?.parts ?? [])
  }

  async #run(): Promise<void> {
    const inits = (this.#pod.spec.initContainers ?? []).map(c => this.#container(c, true))
    const containers = this.#pod.spec.containers.map(c => this.#container(c, false))
    this.#publish()
    const blocked = [...inits, ...containers].filter(container => container.blocked)
    for (const container of blocked) this.#tellBlocked(container)
    const backingOff = this.#backOff(blocked)
    if (!inits.some(c => c.blocked) && !containers.some(c => c.blocked && isAgent(c))) {
      await this.#play(inits, containers)
    }
    await backingOff
  }

  async #play(initContainers: ContainerInput[], containers: ContainerInput[]): Promise<void> {
    const { root, main } = this.#host
    const workspace = join(root, 'workspace')
    await mkdir(workspace, { recursive: true })
    writeTokenFiles(this.#pod, root, terms => this.#host.issueToken(terms))
    if (this.#stop.signal.aborted) return
    const { name, namespace = '', uid } = this.#pod.metadata
    const input: PodInput = { name, namespace, uid, root, workspace, initContainers, containers }
    this.#process = startPodProcess({ main, root, input, onReport: report => this.#hear(report) })
    await this.#process.ended
    // The agent's end ends the pod: what had not ended by then was killed with it.
    for (const container of [...initContainers, ...containers]) this.#endAs(container.name, 137)
    this.#stop.abort()
    this.#publish()
    await rm(workspace, { recursive: true, force: true, maxRetries: 3 })
  }

  #container(container: Container, init: boolean): ContainerInput {
    const environment = containerEnvironment(this.#pod, container, this.#host.lookups)
    const missing = 'missing' in environment ? environment.missing : undefined
    const trouble =
      imageTrouble(container.image) ??
      (missing === undefined
        ? undefined
        : { reason: 'CreateContainerConfigError', message: missing })
    const waiting = init ? 'PodInitializing' : 'ContainerCreating'
    this.#states.set(container.name, { waiting: trouble ?? { reason: waiting } })
    return {
      name: container.name,
      image: container.image,
      // What a container is for stands in its plain variables, also when others are missing.
      env: 'values' in environment ? environment.values : plainVariables(container),
      mounts: tokenMounts(this.#pod, container, this.#host.root),
      sidecar: container.restartPolicy === 'Always',
      blocked: trouble !== undefined,
    }
  }

  #tellBlocked(container: ContainerInput): void {
    const state = this.#states.get(container.name)
    if (!state || !('waiting' in state)) return
    const { reason, message = '' } = state.waiting
    const about = this.#about(container.name)
    const failed = { reason: 'Failed', type: 'Warning', container: about } as const
    if (reason === 'ErrImagePull') {
      const image = `"${container.image}"`
      const pulling = { reason: 'Pulling', message: `Pulling image ${image}`, container: about }
      this.#host.say(pulling)
      this.#host.say({ ...failed, message: `Failed to pull image ${image}: ${message}` })
      this.#host.say({ ...failed, message: `Error: ${reason}` })
    } else {
      const word = reason === 'InvalidImageName' ? 'InspectFailed' : 'Failed'
      this.#host.say({ ...failed, reason: word, message: `Error: ${message}` })
    }
  }

  async #backOff(blocked: ContainerInput[]): Promise<void> {
    const pulls = blocked.filter(container => this.#reason(container) === 'ErrImagePull')
    if (pulls.length === 0) return
    await this.#host.clock.sleep(backOffMs, this.#stop.signal).catch(() => {})
    if (this.#stop.signal.aborted) return
    for (const container of pulls) this.#states.set(container.name, backOff(container.image))
    for (const { name, image } of pulls) {
      const said = { reason: 'BackOff', type: 'Warning', container: this.#about(name) } as const
      this.#host.say({ ...said, message: `Back-off pulling image "${image}"` })
    }
    this.#publish()
  }

  #reason(container: ContainerInput): string | undefined {
    const state = this.#states.get(container.name)
    return state && 'waiting' in state ? state.waiting.reason : undefined
  }

  #hear(report: PodReport): void {
    if (report.type === 'log') this.#print(report.container, Buffer.from(report.data, 'base64'))
    if (report.type === 'running') {
      this.#tellStarted(report.container)
      this.#states.set(report.container, { running: { startedAt: this.#now() } })
      this.#publish()
    }
    if (report.type === 'terminated') {
      this.#endAs(report.container, report.exitCode)
      this.#publish()
    }
  }

  // No image is pulled here: all are there.
  #tellStarted(name: string): void {
    const { image = '' } = this.#spec(name) ?? {}
    const container = this.#about(name)
    const present = `Container image "${image}" already present on machine`
    this.#host.say({ reason: 'Pulled', message: present, container })
    this.#host.say({ reason: 'Created', message: `Created container: ${name}`, container })
    this.#host.say({ reason: 'Started', message: `Started container ${name}`, container })
  }

  #spec(name: string): Container | undefined {
    const { initContainers = [], containers } = this.#pod.spec
    return [...initContainers, ...containers].find(container => container.name === name)
  }

  #about(name: string): { name: string; init: boolean } {
    return { name, init: !this.#pod.spec.containers.some(container => container.name === name) }
  }

  #endAs(container: string, exitCode: number): void {
    const state = this.#states.get(container)
    if (state && 'terminated' in state) return
    const startedAt = state && 'running' in state ? state.running.startedAt : this.#now()
    const reason = exitCode === 0 ? 'Completed' : 'Error'
    const terminated = { exitCode, reason, startedAt, finishedAt: this.#now() }
    this.#states.set(container, { terminated })
  }

  #print(container: string, data: Buffer): void {
    const log = this.#logs.get(container) ?? { parts: [], size: 0 }
    this.#logs.set(container, log)
    log.parts.push(data)
    log.size += data.length
    while (log.size > logLimit && log.parts.length > 1) log.size -= log.parts.shift()?.length ?? 0
  }

  #publish(): void {
    const pod = this.#host.current()
    if (!pod) return
    const facts = { states: this.#states, startTime: this.#startTime, now: this.#now() }
    this.#host.publish({ ...pod, status: podStatus(pod, facts) })
  }

  #now(): string {
    return timestamp(this.#host.clock.now())
  }
}

function isAgent(container: ContainerInput): boolean {
  return container.env['BUILDKITE_AGENT_ACQUIRE_JOB'] !== undefined || container.name === 'agent'
}

function plainVariables({ env = [] }: Container): Record<string, string> {
  const plain = env.filter(({ value }) => value !== undefined)
  return Object.fromEntries(plain.map(({ name, value = '' }) => [name, value]))
}
