import type { Clock } from '../../clock.js'
import { failure, type Status } from './status.js'

/** A fault that is put into the API's answers, for tests of what the program does then. */
export interface FaultRule extends Trouble {
  match: { method?: string; path: RegExp; watch?: boolean }
  /** How often; without it, until it is taken back. */
  times?: number
}

/** What happens to a request and to its answer. */
export interface Trouble {
  /** The answer instead of the real one. */
  status?: number
  reason?: string
  message?: string
  retryAfterSeconds?: number
  /** Waits before anything else. */
  delayMs?: number
  /** Cuts the connection instead of answering. */
  reset?: boolean
  /** `after`: the request is carried out, and only its answer is lost. `before` is the default. */
  when?: 'before' | 'after'
  /** The request is carried out twice, as when something between has sent it again; the second answer is sent. */
  twice?: boolean
  /** Only half of the answer is sent, and then the connection is cut. */
  truncate?: boolean
}

/** The trouble for a request, when it is to have any. */
export type Troublemaker = (request: FaultRequest) => Trouble | undefined

/** A request as rules see it. */
export interface FaultRequest {
  method: string
  path: string
  watch: boolean
}

/** What is sent in place of the real answer. */
export type FaultAnswer = 'reset' | { body: Status; headers: Record<string, string> }

/** The rules in force, in the order in which they came; the first that fits a request is used. */
export class Faults {
  readonly #rules = new Set<FaultRule & { left: number }>()
  readonly #makers = new Set<Troublemaker>()
  readonly #clock: Clock

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Puts a rule in force, or someone who decides for each request; the returned function takes it back. */
  add(rule: FaultRule | Troublemaker): () => void {
    if (typeof rule === 'function') {
      this.#makers.add(rule)
      return () => this.#makers.delete(rule)
    }
    const entry = { ...rule, left: rule.times ?? Infinity }
    this.#rules.add(entry)
    return () => this.#rules.delete(entry)
  }

  /** The trouble for this request, after its delay: that of the first rule that fits, else of the first who makes any. */
  async take(request: FaultRequest, signal: AbortSignal): Promise<Trouble | undefined> {
    const trouble = this.#ruled(request) ?? this.#made(request)
    if (trouble?.delayMs !== undefined) await this.#clock.sleep(trouble.delayMs, signal)
    return trouble
  }

  #ruled(request: FaultRequest): Trouble | undefined {
    const rule = [...this.#rules].find(candidate => fits(candidate, request))
    if (!rule) return undefined
    rule.left -= 1
    if (rule.left <= 0) this.#rules.delete(rule)
    return rule
  }

  #made(request: FaultRequest): Trouble | undefined {
    for (const maker of this.#makers) {
      const trouble = maker(request)
      if (trouble) return trouble
    }
    return undefined
  }
}

/** What a rule has sent at that moment, if anything. */
export function faultAnswer(
  rule: Trouble | undefined,
  moment: 'before' | 'after',
): FaultAnswer | undefined {
  if (!rule || (rule.when ?? 'before') !== moment) return undefined
  if (rule.reset) return 'reset'
  if (rule.status === undefined) return undefined
  const message = rule.message ?? `a fault put in by a test: ${rule.status}`
  const details =
    rule.retryAfterSeconds === undefined ? {} : { retryAfterSeconds: rule.retryAfterSeconds }
  const body = failure(rule.status, message, {
    details,
    ...(rule.reason === undefined ? {} : { reason: rule.reason }),
  })
  const wait = rule.retryAfterSeconds
  return { body, headers: wait === undefined ? {} : { 'retry-after': String(wait) } }
}

function fits(rule: FaultRule, request: FaultRequest): boolean {
  const { method, path, watch } = rule.match
  if (method !== undefined && method.toUpperCase() !== request.method) return false
  if (watch !== undefined && watch !== request.watch) return false
  return new RegExp(path.source, path.flags.replaceAll(/[gy]/g, '')).test(request.path)
}
