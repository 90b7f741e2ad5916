import type { IncomingMessage } from 'node:http'
import { remoteAddress } from './address.js'
import { claim, proves } from './credentials.js'
import type { GatewayRun } from './gateway-run.js'
import type { GatewayOptions, PodCall } from './pod-call.js'
import type { Refusal } from './refusals.js'
import type { Match } from './routes.js'

/** Who calls: the run and the pod that the token is for. */
export type Proof = { run: GatewayRun; pod: PodCall['pod'] }

/**
 * A refusal: `quiet` when it is no attempt on anything, as of a pod that outlives its run; `passing` when another process
 * may know the run.
 */
type Unproved = Refusal & { quiet?: boolean; passing?: boolean }

/**
 * Proves a call's token: made by us for this run, of the kind that the call wants, for the pod that has the run, used
 * from where that pod may call.
 */
export function proved(
  request: IncomingMessage,
  match: Match,
  options: GatewayOptions,
): Proof | Unproved {
  const claimed = claim(request.headers.authorization)
  if (!claimed) return unknown('no token of ours')
  const run = options.find(claimed.jobId)
  if (!run) {
    const [quiet, passing] = [farewell(match), options.allKnown?.() === false]
    return { ...unknown('the run of this token is not known'), quiet, passing }
  }
  if (!proves(claimed, run.secret)) return unknown('a token that we did not make')
  const { podUid: uid, addresses } = claimed
  const whose = { job: run.jobId, pod: uid }
  if (claimed.kind !== match.route.credential) {
    return { ...whose, status: 401, message: 'this token is not good for that' }
  }
  if (!run.isPod(uid)) return { ...whose, status: 401, message: 'another pod has this job' }
  if (addresses.length > 0 && !addresses.includes(remoteAddress(request))) {
    return {
      ...whose,
      status: 403,
      message: 'this token is not good here',
      why: "a token of another pod's address",
    }
  }
  return { run, pod: { uid, addresses } }
}

function unknown(why: string): Refusal {
  return { status: 401, message: 'this token is not known', why }
}

// What an agent says on its way out, when its run has been forgotten.
function farewell({ route }: Match): boolean {
  return ['heartbeat', 'ping', 'disconnect'].includes(route.action)
}
