/**
 * Every error that a person may meet, by code. `disposition` is what the catcher does with it: `usage` ends the
 * process with exit status 2, `stop` with 1, `fail-job` ends one run at Buildkite and the program goes on, `retry`
 * is a passing trouble. A code is never renamed and never reused.
 */
export const catalogue = {
  USAGE: { disposition: 'usage' },
  CONFIG_INVALID: { disposition: 'usage' },
  CONFIG_FILE: { disposition: 'usage' },
  TOKEN_FILE: { disposition: 'usage' },
  KUBECONFIG: { disposition: 'usage' },
  PIPELINE_FILE: { disposition: 'usage' },
  GATEWAY_URL_UNKNOWN: { disposition: 'usage' },
  GATEWAY_LISTEN: { disposition: 'stop' },
  METRICS_LISTEN: { disposition: 'stop' },
  UPSTREAM_UNREACHABLE: { disposition: 'stop' },
  UPSTREAM_REFUSED: { disposition: 'stop' },
  UPSTREAM_INVALID: { disposition: 'retry' },
  CLUSTER_UNREACHABLE: { disposition: 'stop' },
  CLUSTER_REFUSED: { disposition: 'stop' },
  LEDGER_NAMESPACE: { disposition: 'usage' },
  LEDGER_RECORD: { disposition: 'fail-job' },
  LEASE_LOST: { disposition: 'stop' },
  LEASE_REFUSED: { disposition: 'stop' },
  TOKEN_REVIEW: { disposition: 'stop' },
  JOB_INVALID: { disposition: 'fail-job' },
  JOB_PLUGIN: { disposition: 'fail-job' },
  POD_SETTINGS: { disposition: 'fail-job' },
  JOB_REFUSED: { disposition: 'fail-job' },
  INTERNAL: { disposition: 'stop' },
} as const satisfies Record<string, { disposition: Disposition }>

/** What the one that catches a problem does with it. */
export type Disposition = 'usage' | 'stop' | 'fail-job' | 'retry'

/** A code of the catalogue. */
export type ProblemCode = keyof typeof catalogue

/** The evidence of a problem: where it is, what was wanted, what was found, what to do. Never a secret's value. */
export interface Evidence {
  where?: string
  wanted?: string
  found?: string
  hint?: string
  cause?: unknown
}

/** The one error class that we throw on purpose: a code, one line that says what happened, and its evidence. */
export class Problem extends Error {
  override readonly name = 'Problem'
  readonly code: ProblemCode
  readonly where: string | undefined
  readonly wanted: string | undefined
  readonly found: string | undefined
  readonly hint: string | undefined

  constructor(code: ProblemCode, message: string, evidence: Evidence = {}) {
    super(message, evidence.cause === undefined ? undefined : { cause: evidence.cause })
    this.code = code
    this.where = evidence.where
    this.wanted = evidence.wanted
    this.found = evidence.found
    this.hint = evidence.hint
  }

  /** What the one that catches this does with it. */
  get disposition(): Disposition {
    return catalogue[this.code].disposition
  }
}

/** Whether an error is a `Problem`, of the given code when one is given. */
export function isProblem(error: unknown, code?: ProblemCode): error is Problem {
  return error instanceof Problem && (code === undefined || error.code === code)
}

/** The lines that a person reads: the message, then where, wanted, found and what to do, where they are known. */
export function problemText(problem: Problem): string {
  const rows: [string, string | undefined][] = [
    ['where', problem.where],
    ['wanted', problem.wanted],
    ['found', problem.found],
    ['to do', problem.hint],
  ]
  const known = rows.filter(([, value]) => value !== undefined)
  return [problem.message, ...known.map(([label, value]) => `  ${label}: ${value}`)].join('\n')
}

/** The message of anything that was thrown, with the messages of its causes. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const own = error.message || error.name
  return error.cause === undefined ? own : `${own}: ${messageOf(error.cause)}`
}
