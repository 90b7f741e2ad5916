import type { V1Lease } from '@kubernetes/client-node'
import type { Clock } from '../clock.js'
import type { Log } from '../log.js'
import type { Holder } from './holder.js'
import { releasedLease, stateOf } from './lease-object.js'
import type { LeaseRequests } from './lease-requests.js'
import { overtaken } from './lease-requests.js'

// The process that stops waits for it.
const mostTries = 3

/**
 * Makes the Lease nobody's, if it is ours. Resolves also when that does not succeed: it is over by itself then. `known`
 * is the Lease as we last saw it.
 */
export async function giveAway(given: {
  requests: LeaseRequests
  holder: Holder
  instance: string
  known: V1Lease | undefined
  clock: Clock
  log: Log
}): Promise<void> {
  const { requests, holder, instance, clock, log } = given
  const { signal } = new AbortController()
  let { known } = given
  for (let tries = 1; ; tries++) {
    try {
      if (!known || stateOf(known).holder !== holder.identity) known = await requests.get(signal)
      if (!known || stateOf(known).holder !== holder.identity) return
      await requests.write(releasedLease(known, { instance, now: clock.now() }), signal)
      return log.info('the lease is given away')
    } catch (error) {
      if (tries >= mostTries) {
        return log.warn({ err: error }, 'the lease is not given away: others wait until it is over')
      }
      if (!overtaken(error, known)) await clock.sleep(500)
      known = undefined
    }
  }
}
