import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { systemClock, type Clock } from '../../clock.js'
import type { Log } from '../../log.js'
import { addBuild, type BuildOptions } from './add-steps.js'
import { Faults, type FaultRule, type Troublemaker } from './faults.js'
import { httpServer, type RequestRecord } from './http.js'
import { usualTimeouts, type Timeouts } from './lifecycle.js'
import type { Annotation, BuildRecord } from './records.js'
import { runnablePipeline, type RunnablePipeline } from './runnable.js'
import { Waiting, type WaitOptions } from './waiting.js'
import { World, type Settings } from './world.js'
import {
  agentView,
  artifactView,
  buildView,
  jobView,
  type AgentView,
  type ArtifactView,
  type BuildView,
  type JobView,
} from './views.js'

/** The settings of an emulator. Intervals are in seconds, timeouts in milliseconds. */
export interface EmulatorOptions {
  /** The registration token that agents must have. */
  token: string
  /** Default 127.0.0.1. */
  host?: string
  /** Default 0: any free one. */
  port?: number
  /** How agents in pods reach this server, for the addresses of the artifact storage. Default `http://host:port`. */
  publicUrl?: string
  /** The host of `publicUrl`, when only the port is not known yet. */
  publicHost?: string
  clock?: Clock
  log?: Log
  /** What register answers; the real agent needs whole numbers. Default 1, 1, 10. */
  intervals?: Partial<Settings['intervals']>
  timeouts?: Partial<Timeouts>
  /** How many agents may be connected at once. Default: any number. */
  agentLimit?: number
  chunksMaxSizeBytes?: number
  chunksIntervalSeconds?: number
  /** `Buildkite-…` headers that register asks for, and that every later call must carry. */
  requestHeaders?: Record<string, string>
  secrets?: Record<string, string>
  /** The queue of agents and steps that name none. Default `default`. */
  defaultQueue?: string
  /** The slugs in environment and addresses. */
  organization?: string
  pipeline?: string
}

/** A running emulator of Buildkite's Agent API. */
export interface Emulator {
  /** `http://host:port` */
  readonly url: string
  /** What agents are given as their endpoint. */
  readonly endpoint: string
  /**
   * Every break of the protocol by a client, oldest first. Refusals that a correct client can meet (an accept that
   * crosses a cancelation, a second try of a finish whose answer was lost) are not among them.
   */
  readonly violations: readonly string[]
  /** The latest requests, oldest first. */
  readonly requests: readonly RequestRecord[]
  /**
   * Makes a build; its jobs go to the agents whose tags fit. A string is read as YAML, `source` names it in messages.
   * @throws Problem PIPELINE_FILE that says where, what was wanted, what was found
   */
  createBuild(
    pipeline: RunnablePipeline | string,
    options?: BuildOptions & { source?: string },
  ): BuildView
  /** @throws TypeError when there is no such build */
  build(id: string): BuildView
  builds(): BuildView[]
  /** @throws TypeError when there is no such job */
  job(id: string): JobView
  jobs(): JobView[]
  agents(): AgentView[]
  metaData(buildId: string): ReadonlyMap<string, string>
  annotations(buildId: string): Annotation[]
  artifacts(buildId: string): ArtifactView[]
  /** Cancels a job as a person would; false when it is over already. */
  cancelJob(id: string): boolean
  cancelBuild(id: string): void
  /** What the next pings tell an agent to do, as when a person stops or pauses it. */
  instruct(agentId: string, action: 'disconnect' | 'pause' | undefined): void
  /** Makes trouble for the requests that match; gives the function that ends it. */
  fault(rule: FaultRule | Troublemaker): () => void
  /** Ends what has run out by the clock; also done before each request and, in real time, every 100 ms. */
  expire(): void
  /** Calls back after each change, for each piece of log (contiguous, without markers), for each violation. */
  on(event: 'change', listener: () => void): void
  on(event: 'log', listener: (jobId: string, text: string) => void): void
  on(event: 'violation', listener: (text: string) => void): void
  /** See `Waiting.waitFor`. */
  waitFor<Value>(
    condition: () => Value | false | null | undefined,
    options?: WaitOptions,
  ): Promise<Value>
  /** Stops listening and breaks open connections. */
  close(): Promise<void>
}

/** Starts an emulator; it listens when this resolves. Rejects with the system's error when it cannot listen. */
export async function startEmulator(options: EmulatorOptions): Promise<Emulator> {
  const settings = settingsOf(options)
  const world = new World(settings, options.clock ?? systemClock, options.log)
  const faults = new Faults()
  const waiting = new Waiting(world)
  const requests: RequestRecord[] = []
  const server = httpServer({ world, faults, requests })
  const host = options.host ?? '127.0.0.1'
  server.listen(options.port ?? 0, host)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const url = `http://${host === '0.0.0.0' ? '127.0.0.1' : host}:${port}`
  settings.publicUrl ||=
    options.publicHost === undefined ? url : `http://${options.publicHost}:${port}`
  const timer = setInterval(() => world.expire(), 100)
  timer.unref()
  return {
    url,
    endpoint: `${url}/v3`,
    violations: world.violations,
    requests,
    ...controls(world),
    ...readings(world),
    fault: rule => faults.add(rule),
    waitFor: (condition, wait) => waiting.waitFor(condition, wait),
    close: async () => {
      clearInterval(timer)
      waiting.close()
      server.close()
      server.closeAllConnections()
      await (server.listening ? once(server, 'close') : undefined)
    },
  }
}

function settingsOf(options: EmulatorOptions): Settings {
  return {
    token: options.token,
    publicUrl: options.publicUrl ?? '',
    organization: options.organization ?? 'sandbox',
    pipeline: options.pipeline ?? 'sandbox',
    defaultQueue: options.defaultQueue ?? 'default',
    intervals: { ping: 1, jobStatus: 1, heartbeat: 10, ...options.intervals },
    timeouts: { ...usualTimeouts, ...options.timeouts },
    agentLimit: options.agentLimit ?? Infinity,
    chunksMaxSizeBytes: options.chunksMaxSizeBytes ?? 102_400,
    chunksIntervalSeconds: options.chunksIntervalSeconds ?? 1,
    requestHeaders: options.requestHeaders ?? {},
    secrets: options.secrets ?? {},
  }
}

type Controls = 'createBuild' | 'cancelJob' | 'cancelBuild' | 'instruct' | 'expire' | 'on'

function controls(world: World): Pick<Emulator, Controls> {
  return {
    createBuild: (pipeline, { source, ...options } = {}) => {
      const parsed = typeof pipeline === 'string' ? runnablePipeline(pipeline, source) : pipeline
      return buildView(world, addBuild(world, parsed, options))
    },
    cancelJob: id => world.cancel(found(world.jobs, id, 'job')),
    cancelBuild: id => world.cancelBuild(found(world.builds, id, 'build')),
    instruct: (agentId, action) => {
      found(world.agents, agentId, 'agent').action = action
    },
    expire: () => world.expire(),
    on: (event: 'change' | 'log' | 'violation', listener: (...data: [string, string]) => void) => {
      world.on(event, listener)
    },
  }
}

type Readings =
  'build' | 'builds' | 'job' | 'jobs' | 'agents' | 'metaData' | 'annotations' | 'artifacts'

function readings(world: World): Pick<Emulator, Readings> {
  const build = (id: string): BuildRecord => found(world.builds, id, 'build')
  return {
    build: id => buildView(world, build(id)),
    builds: () => [...world.builds.values()].map(one => buildView(world, one)),
    job: id => jobView(world, found(world.jobs, id, 'job')),
    jobs: () => [...world.jobs.values()].map(job => jobView(world, job)),
    agents: () => [...world.agents.values()].map(agentView),
    metaData: id => build(id).metaData,
    annotations: id => [...build(id).annotations.values()],
    artifacts: id =>
      [...world.artifacts.values()].filter(one => one.job.build === build(id)).map(artifactView),
  }
}

function found<Value>(map: ReadonlyMap<string, Value>, id: string, what: string): Value {
  const value = map.get(id)
  if (value === undefined) throw new TypeError(`no ${what} has the id ${id}`)
  return value
}
