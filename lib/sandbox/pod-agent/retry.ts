import type { Clock } from '../../clock.js'
import { ApiError } from './api.js'

/** When a call is tried again: how often, after how long, and after which answers not. */
export interface RetryRule {
  attempts: number
  /** Milliseconds before the try after `n` tries have failed (n = 1, 2, ...), without jitter. */
  waitMs: (n: number) => number
  jitterMs?: [least: number, most: number]
  isFinal: (error: unknown) => boolean
  /** No try begins after this many milliseconds. */
  budgetMs?: number
  /** Whether the answer's Retry-After counts instead of `waitMs`. */
  minds?: 'retry-after'
}

/** How often it was tried before, and what is left of the budget. */
export interface Attempt {
  tried: number
  leftMs: number | undefined
}

const never = () => false
const doubling = (n: number) => 1000 * 2 ** (n - 1)
const gentle = (n: number) => 2000 ** ((n - 1) / 16 + 1)
const hourMs = 3_600_000

/** The rules of agent 3.137.0, by call (agent-api.md §2.4). */
export const retryRules = {
  register: { attempts: 30, waitMs: () => 10_000, isFinal },
  connect: { attempts: 10, waitMs: () => 5000, isFinal: never },
  disconnect: { attempts: 4, waitMs: () => 1000, isFinal: never },
  heartbeat: { attempts: 10, waitMs: () => 5000, isFinal },
  acquire: {
    attempts: 7,
    waitMs: doubling,
    jitterMs: [-1000, 5000],
    isFinal: error => isFinal(error) && !(error instanceof ApiError && error.status === 423),
    budgetMs: 330_000,
    minds: 'retry-after',
  },
  start: { attempts: 7, waitMs: doubling, isFinal },
  // A 429 is final here, as it is in the real agent: that chunk is lost.
  chunk: {
    attempts: 12,
    waitMs: gentle,
    jitterMs: [0, 1000],
    isFinal: error => error instanceof ApiError && error.status >= 400 && error.status < 500,
    budgetMs: hourMs,
  },
  finish: { attempts: 12, waitMs: gentle, jitterMs: [0, 1000], isFinal, budgetMs: hourMs },
  command: { attempts: 10, waitMs: () => 5000, isFinal },
} as const satisfies Record<string, RetryRule>

/** Calls `attempt` until it succeeds, or the rule gives up: then the last error is thrown. */
export async function retried<T>(
  rule: RetryRule,
  clock: Clock,
  attempt: (state: Attempt) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const began = clock.now()
  for (let tried = 0; ; tried++) {
    const leftMs = rule.budgetMs === undefined ? undefined : rule.budgetMs - (clock.now() - began)
    try {
      return await attempt({ tried, leftMs })
    } catch (error) {
      const wait = waitOf(rule, clock, { error, tried })
      const over = leftMs !== undefined && wait >= leftMs
      if (signal?.aborted || rule.isFinal(error) || tried + 1 >= rule.attempts || over) throw error
      await clock.sleep(wait, signal)
    }
  }
}

function waitOf(rule: RetryRule, clock: Clock, last: { error: unknown; tried: number }): number {
  if (rule.minds && last.error instanceof ApiError && last.error.retryAfterMs !== undefined) {
    return last.error.retryAfterMs
  }
  const [least, most] = rule.jitterMs ?? [0, 0]
  return Math.max(0, rule.waitMs(last.tried + 1) + least + clock.random() * (most - least))
}

/** Whether an answer will be the same however often one asks: any status but 429 and 5xx. */
export function isFinal(error: unknown): boolean {
  return error instanceof ApiError && error.status !== 429 && error.status < 500
}
