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
 * Proves a call's token: made by us for this run, of the kind that the call wants, for the pod that has the run, used
 * from where that pod may call. `quiet` is a refusal that is no attempt on anything: a pod that outlives its run.
 */
export function proved(
  request: IncomingMessage,
  match: Match,
  options: GatewayOptions,
): Proof | (Refusal & { quiet?: boolean }) {
  const claimed = claim(request.headers.authorization)
  if (!claimed) return unknown('no token of ours')
  const run = options.find(claimed.jobId)
  if (!run) return { ...unknown('the run of this token is not known'), quiet: farewell(match) }
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
