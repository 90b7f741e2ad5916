import type { ApiRequest } from './exchange.js'

/** A trouble that a test makes. */
export interface FaultRule extends Trouble {
  match: {
    method?: string
    path: RegExp
    /** What the body says, such as a `signal_reason` that this Buildkite is to refuse. */
    body?: RegExp
  }
  /** How many requests it meets; all of them when absent. */
  times?: number
}

/** What happens to a request and to its answer. */
export interface Trouble {
  /** Answered instead of the true answer, without processing the request. */
  status?: number
  headers?: Record<string, string>
  /** JSON, or a string as it is. */
  body?: unknown
  /** Waits by the emulator's clock before anything else happens. */
  delayMs?: number
  /** Breaks the connection, before or after the request is processed. */
  reset?: 'before' | 'after'
  /** The request is processed twice, as when something between has sent it again; the second answer is sent. */
  twice?: boolean
  /** Waits between processing and the answer: answers overtake each other. */
  answerDelayMs?: number
  /** Only half of the answer is sent, and then the connection breaks. */
  truncate?: boolean
}

/** The trouble for a request, when it is to have any. */
export type Troublemaker = (request: Pick<ApiRequest, 'method' | 'path'>) => Trouble | undefined

/** The faults in force. */
export class Faults {
  #rules: { rule: FaultRule; left: number }[] = []
  readonly #makers = new Set<Troublemaker>()

  /** Puts a rule in force, or someone who decides for each request; the function that it gives takes it out. */
  add(rule: FaultRule | Troublemaker): () => void {
    if (typeof rule === 'function') {
      this.#makers.add(rule)
      return () => this.#makers.delete(rule)
    }
    const entry = { rule, left: rule.times ?? Infinity }
    this.#rules.push(entry)
    return () => {
      this.#rules = this.#rules.filter(other => other !== entry)
    }
  }

  /** The trouble for a request: that of the first rule that meets it, counted down, else of the first who makes any. */
  take(request: ApiRequest): Trouble | undefined {
    const ruled = this.#ruled(request)
    if (ruled) return ruled
    for (const maker of this.#makers) {
      const trouble = maker(request)
      if (trouble) return trouble
    }
    return undefined
  }

  #ruled(request: ApiRequest): Trouble | undefined {
    const entry = this.#rules.find(({ rule, left }) => left > 0 && meets(rule, request))
    if (!entry) return undefined
    entry.left -= 1
    return entry.rule
  }
}

function meets({ match }: FaultRule, { method, path, body }: ApiRequest): boolean {
  if ((match.method ?? method) !== method || path.search(match.path) === -1) return false
  return match.body === undefined || body.toString('utf8').search(match.body) !== -1
}
