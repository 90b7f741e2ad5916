import { markup, type Html } from './html.js'
import type { StatusSnapshot } from './status.js'
import { spanBetween, spanText } from './words.js'

/** How the program itself is. */
export function healthList(snapshot: StatusSnapshot): Html {
  const { watches, ledger, upstream, lease, gateway, at } = snapshot
  const rows: [string, string][] = [
    ['Buildkite', upstreamText(upstream, at)],
    ...watches.map(({ watch, ageSeconds }): [string, string] => [
      `Watch of ${watch}`,
      ageSeconds === undefined ? 'not listed yet' : `proved current ${spanText(ageSeconds)} ago`,
    ]),
    ['Lease', leaseText(lease)],
    ['Ledger', `${ledger.pages} ${ledger.pages === 1 ? 'page' : 'pages'}`],
    ['Gateway', gateway.heldCalls === 0 ? 'no call waits' : `${gateway.heldCalls} calls wait`],
  ]
  return markup`<h2>Health</h2>
<dl>${rows.map(([name, text]) => markup`<dt>${name}</dt><dd>${text}</dd>`)}</dl>`
}

function upstreamText(
  { answeredAt, failingSince, failures }: StatusSnapshot['upstream'],
  at: Date,
) {
  if (!answeredAt && !failingSince) return 'not called yet'
  const last = answeredAt ? `answered ${spanBetween(answeredAt, at)} ago` : 'has not answered yet'
  if (!failingSince) return last
  const calls = `${failures} ${failures === 1 ? 'call' : 'calls'}`
  return `${calls} failed in the last ${spanBetween(failingSince, at)}, ${last}`
}

function leaseText({ held, renewalAgeSeconds }: StatusSnapshot['lease']): string {
  if (renewalAgeSeconds === undefined) return 'not held'
  return `${held ? 'held' : 'not held'}, renewed ${spanText(renewalAgeSeconds)} ago`
}
