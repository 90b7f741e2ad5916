import { PassThrough } from 'node:stream'
import type { V1Lease } from '@kubernetes/client-node'
import type { Clock } from '../../lib/clock.js'
import { ClusterError } from '../../lib/cluster/cluster-error.js'
import type { LeaseVerbs } from '../../lib/cluster/leases.js'
import type { Problem } from '../../lib/errors.js'
import { Fence } from '../../lib/fence.js'
import { Elector, type ElectorOptions } from '../../lib/lease/elector.js'
import { makeLog } from '../../lib/log.js'

interface Event {
  at: number
  run: () => void
  member: Member | undefined
}

/** Time that goes on only when a test says so, and everything that waits for it. Milliseconds. */
export class World {
  now = 0
  readonly leases = new LeaseStore(this)
  readonly members: Member[] = []
  readonly #random: () => number
  #events: Event[] = []

  constructor(seed = 1) {
    this.#random = mulberry32(seed)
  }

  random(): number {
    return this.#random()
  }

  /** Calls back later; what is a member's own waits while it is stalled, and never comes when it is dead. */
  in(ms: number, run: () => void, member?: Member): () => void {
    const event = { at: this.now + Math.max(0, ms), run, member }
    this.#events.push(event)
    return () => (this.#events = this.#events.filter(other => other !== event))
  }

  /** Lets time pass; `each` is called whenever anything may have changed. */
  async pass(ms: number, each: () => void = () => undefined): Promise<void> {
    const until = this.now + ms
    for (;;) {
      await settled()
      each()
      const next = this.#next()
      if (!next || next.at > until) break
      this.now = Math.max(this.now, next.at)
      each()
      this.#events = this.#events.filter(event => event !== next)
      if (next.member?.killed) continue
      if (next.member && next.member.stalledUntil > this.now) {
        this.#events.push({ ...next, at: next.member.stalledUntil })
      } else next.run()
    }
    this.now = until
    each()
  }

  /** Lets time pass until the condition holds. Returns how long it took. */
  async until(holds: () => boolean, most = 60_000): Promise<number> {
    const from = this.now
    await settled()
    while (!holds()) {
      if (this.now - from > most) throw new Error(`it does not hold after ${most} ms`)
      const next = this.#next()
      await this.pass(next ? Math.max(0, next.at - this.now) : most)
    }
    return this.now - from
  }

  /** Those who may write. */
  open(): Member[] {
    return this.members.filter(({ killed, fence }) => !killed && fence.open)
  }

  member(given: MemberOptions = {}): Member {
    const made = new Member(this, this.members.length + 1, given)
    this.members.push(made)
    return made
  }

  #next(): Event | undefined {
    let next: Event | undefined
    for (const event of this.#events) if (!next || event.at < next.at) next = event
    return next
  }
}

export interface MemberOptions extends Partial<ElectorOptions> {
  host?: string
  /** How fast its clock goes, and how wrong its time of day is. */
  rate?: number
  skewMs?: number
}

/** A line of a log. */
export interface Logged {
  level: string
  msg: string
  holder?: string
}

/** One process that wants the lease. */
export class Member {
  killed = false
  stalledUntil = 0
  /** While it is cut off from the API server nothing that it sends arrives. */
  cutOff = false
  readonly fence: Fence
  readonly elector: Elector
  readonly identity: string
  readonly logged: Logged[] = []
  acquired = false
  failed: unknown
  lost: Problem | undefined
  readonly #stop = new AbortController()

  constructor(
    readonly world: World,
    readonly number: number,
    { host = 'host', rate = 1, skewMs = 0, ...options }: MemberOptions,
  ) {
    this.fence = new Fence(() => world.now * rate + number * 1_000_000)
    this.identity = `${host}_${number}`
    const clock: Clock = {
      now: () => 1_700_000_000_000 + world.now + skewMs,
      random: () => world.random(),
      sleep: (ms, signal) => this.#sleep(ms / rate, signal),
    }
    const stream = new PassThrough()
    stream.on('data', (line: Buffer) => this.logged.push(JSON.parse(String(line)) as Logged))
    this.elector = new Elector({
      leases: world.leases.verbsOf(this),
      instance: 'ci',
      holder: {
        identity: this.identity,
        evidence: { bootId: host, pid: number },
        isDead: ({ bootId, pid }) =>
          bootId === host && (world.members.find(one => one.number === pid)?.killed ?? false),
      },
      fence: this.fence,
      log: makeLog('info', stream),
      clock,
      durationMs: 10_000,
      ...options,
    })
    void this.elector.lost.then(problem => (this.lost = problem))
  }

  start(): this {
    this.elector.acquire(this.#stop.signal).then(
      () => (this.acquired = true),
      (error: unknown) => (this.failed = error),
    )
    return this
  }

  abort(reason: Error): void {
    this.#stop.abort(reason)
  }

  /** As kill -9 does. What it has sent may still arrive. */
  kill(): void {
    this.killed = true
  }

  #sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const stop = () => {
        cancel()
        reject(signal?.reason as Error)
      }
      const cancel = this.world.in(
        ms,
        () => {
          signal?.removeEventListener('abort', stop)
          resolve()
        },
        this,
      )
      if (signal?.aborted) stop()
      else signal?.addEventListener('abort', stop, { once: true })
    })
  }
}

/** What becomes of one request: how long it takes there and back, and whether anything arrives. */
export interface Fate {
  there: number
  back: number
  /** Never arrives. */
  dropped?: boolean
  /** Is done, but the answer never comes. */
  unanswered?: boolean
  refused?: ClusterError
}

/** A Lease as the API server keeps it, with its optimistic concurrency, behind a network that a test spoils. */
export class LeaseStore {
  lease: V1Lease | undefined
  everExisted = false
  /** Who wrote what, in order. */
  readonly asked: { who: string; verb: string; at: number }[] = []
  fate: (member: Member, verb: string) => Fate = () => ({ there: 5, back: 5 })
  #version = 100
  #uid = 0

  constructor(readonly world: World) {}

  get holder(): string {
    return this.lease?.spec?.holderIdentity ?? ''
  }

  verbsOf(member: Member): LeaseVerbs {
    const ask = <T>(verb: string, act: () => T, signal?: AbortSignal) =>
      this.#ask(member, { verb, act, signal })
    return {
      namespace: 'ledger',
      get: (_, signal) => ask('get', () => this.lease, signal),
      create: (lease, signal) => ask('create', () => this.create(lease), signal),
      replace: (lease, signal) => ask('update', () => this.replace(lease), signal),
    }
  }

  /** Somebody's own hand. */
  delete(): void {
    this.lease = undefined
  }

  create(lease: V1Lease): V1Lease {
    if (this.lease) throw refusal(409, 'AlreadyExists')
    this.everExisted = true
    return this.#keep({ ...lease, metadata: { ...lease.metadata, uid: `uid-${++this.#uid}` } })
  }

  replace(lease: V1Lease): V1Lease {
    const { uid, resourceVersion } = lease.metadata ?? {}
    const now = this.lease?.metadata
    // As the real one: a Lease may be created by PUT, but not with a uid.
    if (!now) throw refusal(409, 'Conflict')
    if (uid !== now.uid || resourceVersion !== now.resourceVersion) throw refusal(409, 'Conflict')
    return this.#keep(lease)
  }

  #keep(lease: V1Lease): V1Lease {
    const resourceVersion = String(++this.#version)
    this.lease = { ...lease, metadata: { ...lease.metadata, resourceVersion } }
    return this.lease
  }

  #ask<T>(
    member: Member,
    { verb, act, signal }: { verb: string; act: () => T; signal?: AbortSignal },
  ): Promise<T> {
    const fate = this.fate(member, verb)
    return new Promise((resolve, reject) => {
      signal?.addEventListener('abort', () => reject(signal.reason as Error), { once: true })
      if (fate.dropped || member.cutOff) return
      this.world.in(fate.there, () => {
        const answer = this.#done({ who: member.identity, verb, act, refused: fate.refused })
        if (fate.unanswered) return
        this.world.in(fate.back, () => answer(resolve, reject), member)
      })
    })
  }

  #done<T>({
    who,
    verb,
    act,
    refused,
  }: {
    who: string
    verb: string
    act: () => T
    refused: ClusterError | undefined
  }): (resolve: (answer: T) => void, reject: (error: unknown) => void) => void {
    this.asked.push({ who, verb, at: this.world.now })
    try {
      if (refused) throw refused
      const answer = act()
      return resolve => resolve(answer)
    } catch (error) {
      return (_, reject) => reject(error)
    }
  }
}

/** An answer of the API server that says no. */
export function refusal(status: number, reason: string): ClusterError {
  return new ClusterError({ status, reason, message: `${reason} (${status})` })
}

// Everything that waits for nothing but promises has then gone on.
async function settled(): Promise<void> {
  await new Promise(resolve => setImmediate(resolve))
}

/** A small generator of numbers that a seed determines. */
function mulberry32(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
