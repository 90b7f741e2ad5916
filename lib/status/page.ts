import { healthList } from './health.js'
import { markup, type Html } from './html.js'
import type { StatusRun, StatusSnapshot } from './status.js'
import { style } from './style.js'
import { endedTable, runningTable, waitingTable } from './tables.js'
import { clockText, phaseWords, spanBetween } from './words.js'

/** How the page is asked for: with `all` every run is shown, else no more of each table than a phone can bear. */
export interface PageOptions {
  all?: boolean
}

const mostRows = 100
const refreshSeconds = 10

/** The status for people: one page without any resource from elsewhere. */
export function statusPage(snapshot: StatusSnapshot, { all = false }: PageOptions = {}): string {
  const { instance, runs, state, at } = snapshot
  const most = all ? Infinity : mostRows
  const waiting = runs.filter(waits)
  const running = runs.filter(run => !waits(run))
  const tables = [waitingTable(waiting, { at, most }), runningTable(running, { at, most })]
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<meta http-equiv="refresh" content="${refreshSeconds}">
<title>${waiting.length} waiting, ${running.length} running · ${instance}</title>
<style>${style}</style>
</head>
<body>
${heading(snapshot)}
${warnings(snapshot)}
${state === 'standby' ? standby() : [figures(snapshot), ...tables, endedTable(snapshot)]}
${healthList(snapshot)}
</body>
</html>
`.text
}

function waits({ phase, waitingFor }: StatusRun): boolean {
  return waitingFor !== undefined || (phase !== 'running' && phase !== 'ending')
}

function heading({ instance, state, since, version, at }: StatusSnapshot): Html {
  const look = state === 'leading' ? 'good' : 'warn'
  const seen = at.toISOString().slice(0, 19).replace('T', ' ')
  return markup`<header>
<h1>Job spawner <span class="soft">${instance}</span></h1>
<p><span class="state ${look}">${stateWords[state]}</span> for ${spanBetween(since, at)}
<time datetime="${since.toISOString()}">since ${clockText(since, at)}</time></p>
<p class="small">Version ${version} · seen at ${seen} · all times are UTC · reloads every ${refreshSeconds} s ·
<a href="?format=json">JSON</a> · <a href="/metrics">metrics</a></p>
</header>`
}

const stateWords: Record<StatusSnapshot['state'], string> = {
  leading: 'Leading',
  starting: 'Taking over',
  standby: 'Standing by',
  stopping: 'Stopping',
}

function warnings({ warnings: texts }: StatusSnapshot): Html | undefined {
  if (texts.length === 0) return undefined
  return markup`<ul class="notes">${texts.map(text => markup`<li>${text}</li>`)}</ul>`
}

function figures({ slots, runs }: StatusSnapshot): Html {
  const { busy, idle, pinging, down, stopped } = slots
  const states: [number, string][] = [
    [idle + pinging, 'idle'],
    [down, 'not connected'],
    [stopped, 'stopped'],
  ]
  const phases = Object.entries(phaseWords).map(([phase, words]): [number, string] => [
    runs.filter(run => run.phase === (phase as StatusRun['phase'])).length,
    words,
  ])
  const slotCount = busy + idle + pinging + down + stopped
  return markup`<section class="figures">
<div><b>${busy}</b> of ${slotCount} slots busy<br><span class="small">${listed(states)}</span></div>
<div><b>${runs.length}</b> ${runs.length === 1 ? 'run' : 'runs'} open<br><span class="small">${listed(phases)}</span></div>
</section>`
}

function listed(counts: readonly [number, string][]): string {
  const some = counts.filter(([count]) => count > 0)
  return some.map(([count, words]) => `${count} ${words}`).join(' · ')
}

function standby(): Html {
  return markup`<p class="lead">Another process leads: what runs and what waits is on its page. This one takes over when it is gone.</p>
<p class="small">Which one leads: <code>kubectl get leases</code> in the namespace of the ledger; its holder begins with the host or pod.</p>`
}
