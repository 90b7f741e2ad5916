import type { Clock } from '../clock.js'
import { Problem } from '../errors.js'
import type { Log } from '../log.js'
import { UpstreamError } from '../upstream/connection.js'
import { policies, type RetryPolicy } from '../upstream/retry.js'
import type { AgentSession } from '../upstream/session.js'
import type { Slot } from './slot.js'

/** What slots join with. */
export interface JoiningOptions {
  endpoint: string
  /** The cluster's agent token. */
  token: string
  tags: readonly string[]
  /** Agent name; `%i` becomes the slot's number, from 1. */
  name: string
  /** Makes a new session durable. */
  keep: (slot: Slot, session: AgentSession) => Promise<void>
  /** Aborted when no new agent is wanted. */
  stopping: AbortSignal
  /** Aborted when this process leaves its agents to the next one. */
  leaving: AbortSignal
  log: Log
  clock: Clock
}

// A plan's limit on agents does not change by the minute.
const refusedAgainMs = 5 * 60_000

/** How slots become agents, again and again while upstream does not take them. */
export class Joining {
  private readonly underWay = new Set<Slot>()

  constructor(private readonly options: JoiningOptions) {}

  /**
   * The first slot of a start: a wrong token or endpoint is known at once.
   * @throws Problem UPSTREAM_UNREACHABLE or UPSTREAM_REFUSED.
   */
  async first(slot: Slot): Promise<void> {
    try {
      await this.join(slot, policies.registerAtStart)
    } catch (error) {
      if (!(error instanceof UpstreamError)) throw error
      throw startProblem(error, this.options.endpoint)
    }
  }

  /** Joins a slot that is down, however long that takes. Does nothing when that is under way already. */
  async untilJoined(slot: Slot): Promise<void> {
    if (this.underWay.has(slot)) return
    this.underWay.add(slot)
    try {
      while (slot.state === 'down' && (await this.tried(slot)));
    } finally {
      this.underWay.delete(slot)
    }
  }

  private async tried(slot: Slot): Promise<boolean> {
    const { stopping, log, clock } = this.options
    if (stopping.aborted) return false
    try {
      await this.join(slot, policies.register)
    } catch (error) {
      if (stopping.aborted) return false
      // All slots were refused at the same moment, and need not come again at the same moment.
      const ms = Math.round(refusedAgainMs * (1 + clock.random() / 5))
      log.warn({ slot: slot.index, err: error, ms }, 'agent not connected: fewer jobs at once')
      await clock.sleep(ms, stopping).catch(() => undefined)
    }
    return true
  }

  private async join(slot: Slot, policy: RetryPolicy): Promise<void> {
    const { endpoint, token, tags, name, keep, stopping, leaving } = this.options
    await slot.join(
      { endpoint, token, tags, name: name.replaceAll('%i', String(slot.index + 1)) },
      { keep: session => keep(slot, session), policy, signal: stopping, leaving },
    )
  }
}

function startProblem(error: UpstreamError, endpoint: string): Problem {
  const host = URL.canParse(endpoint) ? new URL(endpoint).host : endpoint
  if (error.status === undefined) {
    return new Problem('UPSTREAM_UNREACHABLE', "Buildkite's agent endpoint can't be reached", {
      where: `--endpoint (${host})`,
      wanted: 'an answer to POST /register',
      found: error.message,
      hint: 'check the endpoint, DNS, proxies and what may leave this network',
    })
  }
  return new Problem('UPSTREAM_REFUSED', 'Buildkite refuses to register our agent', {
    where: `--endpoint (${host})`,
    wanted: 'a 2xx answer to POST /register',
    found: error.message,
    hint:
      error.status === 401
        ? 'check the agent token and its cluster'
        : "check the plan's number of agents and the tags",
  })
}
