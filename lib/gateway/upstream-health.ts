import type { Clock } from '../clock.js'
import { Gate, type Ticket } from './gate.js'

/** What a call upstream is part of, for its health. */
export interface CallKind {
  endpoint: string
  jobId: string
  /** What a trouble of this call is taken to be a trouble of: `chunk`, or the word in the path. */
  kind: string
}

/**
 * What a call has told of upstream: it answers; it is busy for calls of this kind (429); it fails; nobody is there, which
 * no call can bring about; nothing.
 */
export type Verdict = 'good' | 'busy' | 'failed' | 'away' | 'none'

/** A call that may go; its verdict is told once. */
export interface Pass {
  verdict(verdict: Verdict, retryAfterMs?: number): void
}

interface Upstream {
  gate: Gate
  /** The jobs whose calls have failed since the last one that was answered. */
  failing: Set<string>
}

const mostGates = 1_000

/**
 * Whether upstream is worth asking now. A failure holds back calls of the same kind of the same job. All are held back
 * when nobody is there, or when calls of two jobs have failed and none was answered in between: one job alone, with
 * calls that upstream fails on, does not hold back others.
 */
export class UpstreamHealth {
  private readonly upstreams = new Map<string, Upstream>()
  private readonly kinds = new Map<string, Gate>()

  constructor(private readonly clock: Clock) {}

  /** Undefined when the call is to wait. */
  enter(call: CallKind): Pass | undefined {
    const key = `${call.jobId} ${call.kind}`
    const own = this.kinds.get(key)
    const ownTicket: Ticket | undefined = own ? own.enter() : { probe: false }
    if (!ownTicket) return undefined
    const upstream = this.upstream(call.endpoint)
    const ticket = upstream.gate.enter()
    if (!ticket) {
      own?.none(ownTicket)
      return undefined
    }
    let told = false
    return {
      verdict: (verdict, retryAfterMs) => {
        if (told) return
        told = true
        this.tellKind(key, verdict, { ticket: ownTicket, retryAfterMs })
        tellUpstream(upstream, call.jobId, { verdict, ticket, retryAfterMs })
      },
    }
  }

  /** Whole seconds after which the call is worth making again. */
  retryAfterSeconds({ endpoint, jobId, kind }: CallKind): number {
    const own = this.kinds.get(`${jobId} ${kind}`)?.restMs ?? 0
    const ms = Math.max(own, this.upstreams.get(endpoint)?.gate.restMs ?? 0)
    return Math.max(1, Math.ceil(ms / 1_000))
  }

  private upstream(endpoint: string): Upstream {
    let upstream = this.upstreams.get(endpoint)
    if (!upstream) {
      upstream = { gate: new Gate(this.clock), failing: new Set() }
      this.upstreams.set(endpoint, upstream)
    }
    return upstream
  }

  private tellKind(
    key: string,
    verdict: Verdict,
    { ticket, retryAfterMs }: { ticket: Ticket; retryAfterMs: number | undefined },
  ): void {
    const gate = this.kinds.get(key)
    if (verdict === 'good') this.kinds.delete(key)
    else if (verdict === 'none') gate?.none(ticket)
    else if (gate) gate.bad(ticket, retryAfterMs)
    else this.shut(key, retryAfterMs)
  }

  private shut(key: string, retryAfterMs: number | undefined): void {
    if (this.kinds.size >= mostGates)
      for (const [other, gate] of this.kinds) if (gate.stale) this.kinds.delete(other)
    if (this.kinds.size >= mostGates) return
    const gate = new Gate(this.clock)
    gate.bad({ probe: false }, retryAfterMs)
    this.kinds.set(key, gate)
  }
}

function tellUpstream(
  { gate, failing }: Upstream,
  jobId: string,
  told: { verdict: Verdict; ticket: Ticket; retryAfterMs: number | undefined },
): void {
  const { verdict, ticket, retryAfterMs } = told
  if (verdict === 'none') return gate.none(ticket)
  if (verdict === 'good' || verdict === 'busy') {
    failing.clear()
    return gate.good()
  }
  failing.add(jobId)
  if (verdict === 'away' || failing.size > 1 || ticket.probe) gate.bad(ticket, retryAfterMs)
}
