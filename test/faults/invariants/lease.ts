import type { History, ObjectChange } from '../history.js'

/** From when until when a process may write: what the API server has of its lease, at the most generous reading. */
export interface Term {
  pid: number
  from: number
  until: number
}

const evidence = 'job-spawner/holder'

/** The terms that the history of the Lease gives, oldest first. */
export function terms(changes: readonly ObjectChange[]): Term[] {
  const found: Term[] = []
  for (const change of changes) {
    // While a Lease that was deleted has not run out, nobody else can have had it.
    if (change.kind !== 'Lease' || change.type === 'DELETED') continue
    const { pid, durationMs } = holderOf(change)
    const { at } = change
    const last = found.at(-1)
    if (last && last.pid === pid && last.until >= at) {
      last.until = at + durationMs
      continue
    }
    if (last) last.until = Math.min(last.until, at)
    if (pid !== undefined) found.push({ pid, from: at, until: at + durationMs })
  }
  return found
}

function holderOf({ object }: ObjectChange): { pid: number | undefined; durationMs: number } {
  const { metadata, spec } = object as {
    metadata?: { annotations?: Record<string, string> }
    spec?: { holderIdentity?: string; leaseDurationSeconds?: number }
  }
  const durationMs = (spec?.leaseDurationSeconds ?? 0) * 1000
  if (!spec?.holderIdentity) return { pid: undefined, durationMs }
  const said = JSON.parse(metadata?.annotations?.[evidence] ?? '{}') as { pid?: number }
  return { pid: said.pid, durationMs }
}

/** No process writes to Kubernetes or upstream while it does not hold the lease. */
export function singleWriter({ happenings, changes, replicas }: History): string[] {
  const all = terms(changes)
  if (all.length === 0) return replicas > 1 ? ['there are two replicas and no lease'] : []
  const found = new Map<string, number>()
  for (const { pid, effect, writes, moment, at } of happenings) {
    if (moment !== 'before' || !writes || isExempt(effect)) continue
    if (all.some(term => term.pid === pid && at >= term.from && at <= term.until)) continue
    const what = `process ${pid} sent ${effect} without the lease`
    found.set(what, (found.get(what) ?? 0) + 1)
  }
  return [...found].map(([what, times]) => `${what}, ${times} times`)
}

// Answers to pods change nothing by themselves; two processes that say that an agent lives do no harm; the Lease is the
// way to the lease, and namespaces are made before it.
function isExempt(effect: string): boolean {
  return /^gateway |heartbeat$|leases|namespaces/.test(effect)
}
