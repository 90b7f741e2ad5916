import { EventEmitter, once } from 'node:events'
import { uptime } from 'node:os'
import type { Dispatcher } from 'undici'

/** Why a request was not sent, or was cut off: this process may have lost its lease. It may be sent again later. */
export class FencedError extends Error {
  override readonly name = 'FencedError'
  constructor() {
    super('this job spawner does not hold the lease now')
  }
}

/** Whether an error, or what caused it, is that the fence was closed. */
export function isFenced(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause)
    if (at instanceof FencedError) return true
  return false
}

/** A request, as far as it matters whether a process without a lease may send it. `path` has no query. */
export interface FencedRequest {
  method: string
  path: string
}

/** The clocks of the machine, in milliseconds. `boot` goes on while the machine is suspended, `monotonic` does not. */
export interface MachineClocks {
  monotonic: () => number
  wall: () => number
  boot: () => number
}

const machine: MachineClocks = {
  monotonic: () => performance.now(),
  wall: () => Date.now(),
  boot: process.platform === 'linux' ? () => uptime() * 1_000 : () => performance.now(),
}

/**
 * A clock in milliseconds that no correction of the time moves, and that goes on while the process or the machine is
 * suspended. Asking for the time since boot costs a read of /proc: it is asked for only when the time of day has moved
 * against the monotonic clock, as it does when a machine wakes up.
 */
export function steadyClock({ monotonic, wall, boot }: MachineClocks = machine): () => number {
  let apart = wall() - monotonic()
  let asleep = boot() - monotonic()
  return () => {
    const now = monotonic()
    const apartNow = wall() - now
    if (Math.abs(apartNow - apart) > 20) {
      apart = apartNow
      // The time since boot comes in hundredths of a second: a smaller difference is none.
      const asleepNow = boot() - now
      if (asleepNow > asleep + 50) asleep = asleepNow
    }
    return now + asleep
  }
}

// What setTimeout can wait; anything longer it would not wait for at all.
const longestTimer = 2 ** 31 - 1

/**
 * What keeps a process that may have lost its lease from writing. It is open until a moment that the one who holds the
 * lease moves on; the moment passes by itself, also while the process is stalled, and is looked at when a request goes
 * onto the wire and not before. Times are milliseconds of a steady clock.
 */
export class Fence {
  private until = -Infinity
  private timer: NodeJS.Timeout | undefined
  private readonly changes = new EventEmitter()
  private readonly underWay = new Set<Dispatcher.DispatchController>()

  constructor(private readonly clock = steadyClock()) {
    this.changes.setMaxListeners(0)
  }

  /** The moment by the clock that `extend` goes by. */
  now(): number {
    return this.clock()
  }

  /** Whether this process may write. */
  get open(): boolean {
    return this.now() < this.until
  }

  /** Opens the fence, or keeps it open, until that moment. */
  extend(until: number): void {
    this.until = until
    this.watch()
    this.changes.emit('change')
  }

  /** Closes it at once: what is under way is cut off. */
  close(): void {
    this.until = -Infinity
    this.watch()
  }

  /** Resolves when the fence is open. @throws the signal's reason when it is aborted first. */
  async pass(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted()
    while (!this.open) await once(this.changes, 'change', { signal }).catch(rethrow(signal))
  }

  /**
   * For `dispatcher.compose`: requests that `guards` says yes to are sent while the fence is open only, and are cut off
   * when it closes. Those who sent them get a FencedError.
   */
  interceptor(
    guards: (request: FencedRequest) => boolean,
  ): Dispatcher.DispatcherComposeInterceptor {
    return dispatch => (options, handler) => {
      const [path = ''] = options.path.split('?')
      if (!guards({ method: options.method, path })) return dispatch(options, handler)
      return dispatch(options, this.guarded(handler))
    }
  }

  private guarded(handler: Dispatcher.DispatchHandler): Dispatcher.DispatchHandler {
    let mine: Dispatcher.DispatchController | undefined
    const done = () => mine && this.underWay.delete(mine)
    return {
      // The moment before the request is written: it may have waited for a connection since it was made.
      onRequestStart: (controller, context) => {
        done()
        if (!this.open) return controller.abort(new FencedError())
        this.underWay.add((mine = controller))
        handler.onRequestStart?.(controller, context)
      },
      onRequestUpgrade: (...args) => {
        done()
        handler.onRequestUpgrade?.(...args)
      },
      onResponseStart: (...args) => handler.onResponseStart?.(...args),
      onResponseData: (...args) => handler.onResponseData?.(...args),
      onResponseEnd: (...args) => {
        done()
        handler.onResponseEnd?.(...args)
      },
      onResponseError: (...args) => {
        done()
        handler.onResponseError?.(...args)
      },
    }
  }

  // A timer may fire a little before its time, and can't wait for longer than some weeks: it looks again then.
  private watch(): void {
    clearTimeout(this.timer)
    const left = this.until - this.now()
    if (left > 0) {
      if (left === Infinity) return
      const wait = Math.min(Math.ceil(left), longestTimer)
      this.timer = setTimeout(() => this.watch(), wait).unref()
      return
    }
    const cut = [...this.underWay]
    this.underWay.clear()
    for (const controller of cut) controller.abort(new FencedError())
  }
}

/** A fence that is always open, for what needs no lease: commands that only look, and tests. */
export function openFence(): Fence {
  const fence = new Fence(() => 0)
  fence.extend(Infinity)
  return fence
}

function rethrow(signal: AbortSignal | undefined) {
  return (error: unknown) => {
    throw signal?.aborted ? signal.reason : error
  }
}
