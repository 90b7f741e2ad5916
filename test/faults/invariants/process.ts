import type { History } from '../history.js'

const perSecond = 30

/** No process does the same thing over and over. */
export function noHotLoop({ happenings }: History): string[] {
  const times = new Map<string, number[]>()
  for (const { moment, effect, path, pid, at } of happenings) {
    if (moment !== 'before' || effect.startsWith('gateway ')) continue
    const key = `process ${pid}: ${effect} (${path.split('?')[0]})`
    times.set(key, [...(times.get(key) ?? []), at])
  }
  return [...times].flatMap(([what, at]) => {
    const burst = at.findIndex((time, index) => (at[index + perSecond] ?? Infinity) - time < 1_000)
    return burst === -1 ? [] : [`${what} more than ${perSecond} times in a second`]
  })
}

/** Writes to Kubernetes and requests to upstream are few; a fault may cost some more. */
export function cost({ writes, requests, jobs, limits, lives, faults }: History): string[] {
  const slots = limits.maxInFlight
  const troubles = faults + lives.length - 1
  const ours = writes.filter(({ kind }) => ['Secret', 'Job', 'Pod'].includes(kind))
  // The Job of a cancelled job is deleted; the ledger's Secrets are made, and each slot's session is kept.
  const canceled = jobs.filter(({ kind }) => kind.canceled).length
  const usual = jobs.length * limits.writesPerJob + canceled + slots + 2
  const mostWrites = usual + troubles * (jobs.length + slots + 4)
  const calls = requests.filter(({ path, method }) => !isRoutine(method, path))
  const mostCalls = jobs.length * limits.requestsPerJob + (slots + jobs.length) * 4 * (troubles + 1)
  return [
    ...(ours.length > mostWrites ? [`${ours.length} writes to Kubernetes, of ${mostWrites}`] : []),
    ...(calls.length > mostCalls ? [`${calls.length} requests upstream, of ${mostCalls}`] : []),
  ]
}

function isRoutine(method: string, path: string): boolean {
  return /\/(ping|heartbeat)$/.test(path) || (method === 'GET' && /\/jobs\/[^/]+$/.test(path))
}

/** A process ends because it is told to, or says why: never by an error that nobody has thought of. */
export function noAccident({ lives, faults }: History): string[] {
  return lives.flatMap(({ replica, pid, end, lines }) => {
    const who = `${replica}, process ${pid}`
    const stack = lines.find(line => /^\s+at .+:\d+:\d+\)?$/.test(line))
    const first = lines.find(line => /Error/.test(line) && !line.startsWith('{')) ?? stack?.trim()
    if (stack !== undefined) return [`${who} (${end ?? 'runs'}): ${first}`]
    if (faults > 0 || typeof end !== 'number' || end === 0) return []
    return [`${who} ended with ${end} though nothing was in its way: ${lines.slice(-5).join(' ')}`]
  })
}

// What a crash or a lost answer makes unavoidable: whether a disconnect has come through, and whether an accept was in
// time, is then known upstream alone.
const excused = /a session token after disconnect$|accept came too late$/

/** Upstream has nothing to object to. */
export function protocol({ objections, faults }: History): string[] {
  return [...new Set(objections)].filter(objection => faults === 0 || !excused.test(objection))
}
