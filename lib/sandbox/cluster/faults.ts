import type { Clock } from '../../clock.js'
import { failure, type Status } from './status.js'

/** A fault that is put into the API's answers, for tests of what the program does then. */
export interface FaultRule {
  match: { method?: string; path: RegExp; watch?: boolean }
  /** How often; without it, until it is taken back. */
  times?: number
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
}

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
  readonly #clock: Clock

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Puts a rule in force; the returned function takes it back. */
  add(rule: FaultRule): () => void {
    const entry = { ...rule, left: rule.times ?? Infinity }
    this.#rules.add(entry)
    return () => this.#rules.delete(entry)
  }

  /** The rule for this request, after its delay. */
  async take(request: FaultRequest, signal: AbortSignal): Promise<FaultRule | undefined> {
    const rule = [...this.#rules].find(candidate => fits(candidate, request))
    if (!rule) return undefined
    rule.left -= 1
    if (rule.left <= 0) this.#rules.delete(rule)
    if (rule.delayMs !== undefined) await this.#clock.sleep(rule.delayMs, signal)
    return rule
  }
}

/** What a rule has sent at that moment, if anything. */
export function faultAnswer(
  rule: FaultRule | undefined,
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
