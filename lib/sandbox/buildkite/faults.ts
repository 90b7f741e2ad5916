import type { ApiRequest } from './exchange.js'

/** A trouble that a test makes. */
export interface FaultRule {
  match: { method?: string; path: RegExp }
  /** How many requests it meets; all of them when absent. */
  times?: number
  /** Answered instead of the true answer, without processing the request. */
  status?: number
  headers?: Record<string, string>
  /** JSON, or a string as it is. */
  body?: unknown
  /** Waits by the emulator's clock before anything else happens. */
  delayMs?: number
  /** Breaks the connection, before or after the request is processed. */
  reset?: 'before' | 'after'
}

/** The faults in force. */
export class Faults {
  #rules: { rule: FaultRule; left: number }[] = []

  /** Puts a rule in force; the function that it gives takes it out. */
  add(rule: FaultRule): () => void {
    const entry = { rule, left: rule.times ?? Infinity }
    this.#rules.push(entry)
    return () => {
      this.#rules = this.#rules.filter(other => other !== entry)
    }
  }

  /** The first rule that meets a request, counted down. */
  take({ method, path }: ApiRequest): FaultRule | undefined {
    const entry = this.#rules.find(
      ({ rule: { match }, left }) =>
        left > 0 && (match.method ?? method) === method && path.search(match.path) !== -1,
    )
    if (!entry) return undefined
    entry.left -= 1
    return entry.rule
  }
}
