import type { StatusSnapshot } from './status.js'
import { spanText } from './words.js'

// A bookmark comes about once a minute, and after 90 s of silence a watch is opened anew.
const staleSeconds = 120
// One call that fails is nothing; half a minute without any answer is something.
const failingSeconds = 30
const fewFailures = 3

/** What a person should look at, the worst first. */
export function warningsOf(
  snapshot: Omit<StatusSnapshot, 'warnings'>,
  unusable: string | undefined,
): string[] {
  const { state, lease, upstream, watches, at, gateway } = snapshot
  const leads = state === 'leading' || state === 'starting'
  const warnings: string[] = []
  if (leads && !lease.held) {
    warnings.push(
      'The lease may be over: nothing is written to Kubernetes or to Buildkite until it is renewed.',
    )
  }
  const { failingSince, failures } = upstream
  const failing = failingSince ? (at.getTime() - failingSince.getTime()) / 1_000 : 0
  if (failing >= failingSeconds && failures >= fewFailures)
    warnings.push(
      `Buildkite has answered no call for ${spanText(failing)} (${failures} calls failed).`,
    )
  for (const { watch, ageSeconds } of watches)
    if (ageSeconds !== undefined && ageSeconds > staleSeconds)
      warnings.push(`What is known of ${watch} is ${spanText(ageSeconds)} old.`)
  if (leads && unusable !== undefined) warnings.push(sentence(unusable))
  if (gateway.heldCalls > 0)
    warnings.push(`${gateway.heldCalls} calls of pods wait for Buildkite or for the lease.`)
  return warnings
}

function sentence(words: string): string {
  return `${words.slice(0, 1).toUpperCase()}${words.slice(1)}.`
}
