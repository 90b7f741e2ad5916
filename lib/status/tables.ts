import { markup, type Html } from './html.js'
import type { StatusEnded, StatusJob, StatusRun, StatusSnapshot } from './status.js'
import { clockText, phaseWords, spanBetween, spanText, waitWords } from './words.js'

/** When the table is looked at, and how many rows it may have. */
export interface TableOptions {
  at: Date
  most: number
}

/** The runs whose command does not run yet, with what they wait for. */
export function waitingTable(runs: readonly StatusRun[], { at, most }: TableOptions): Html {
  const rows = runs.slice(0, most).map(
    run => markup`<tr>
<td class="job">${job(run)}</td>
<td class="when"><span class="line phase">${run.phase === 'running' ? 'agent running' : phaseWords[run.phase]}</span> <span class="line">${spanBetween(run.since, at)} ${time(run.since, at)}</span></td>
<td><span class="words">${run.waitingFor ?? waitWords[run.phase]}</span></td>
<td class="place small">${where(run)}</td></tr>`,
  )
  const head = ['Job', 'Phase', 'Why', 'Where']
  return table(markup`Waiting <small>${runs.length}</small>`, {
    head,
    rows,
    left: runs.length - most,
  })
}

/** The runs whose command runs. */
export function runningTable(runs: readonly StatusRun[], { at, most }: TableOptions): Html {
  const rows = runs.slice(0, most).map(
    run => markup`<tr>
<td class="job">${job(run)}</td>
<td class="when"><span class="line">${spanBetween(run.since, at)}${run.phase === 'ending' ? ', ending' : ''}</span> ${time(run.since, at)}</td>
<td class="place small">${where(run)}</td></tr>`,
  )
  const head = ['Job', 'Runs for', 'Where']
  return table(markup`Running <small>${runs.length}</small>`, {
    head,
    rows,
    left: runs.length - most,
  })
}

/** The runs that ended last, with their causes. */
export function endedTable({ ended, at }: StatusSnapshot): Html {
  const rows = ended.map(
    run => markup`<tr>
<td class="job">${job(run)}</td>
<td class="when"><span class="line">${spanBetween(run.endedAt, at)} ago</span> ${time(run.endedAt, at, 'at')}</td>
<td>${cause(run)}</td>
<td class="small"><span class="took">${spanText(run.seconds)}${enders[run.by]}</span></td></tr>`,
  )
  return table(markup`Ended last`, { head: ['Job', 'Ended', 'Cause', 'Took'], rows, left: 0 })
}

const enders: Record<StatusEnded['by'], string> = {
  pod: '',
  spawner: ', ended by the job spawner',
  upstream: ', ended by Buildkite',
}

function cause({ cause: word, fault, exitStatus }: StatusEnded): Html {
  const look = word === 'Passed' ? 'good' : fault === 'cluster' ? 'bad' : ''
  const status = exitStatus === undefined || word === 'Passed' ? '' : `exit status ${exitStatus}`
  const whose = fault === 'none' ? '' : `the ${fault}'s fault`
  const more = [status, whose].filter(Boolean).join(', ')
  return markup`<span class="state ${look}">${word}</span> <span class="line small">${more}</span>`
}

function table(
  title: Html,
  { head, rows, left }: { head: readonly string[]; rows: readonly Html[]; left: number },
): Html {
  if (rows.length === 0) return markup`<h2>${title}</h2>\n<p class="soft">None.</p>\n`
  return markup`<h2>${title}</h2>
<table class="of-${head.length}"><thead><tr>${head.map(text => markup`<th>${text}</th>`)}</tr></thead>
<tbody>${rows}</tbody></table>
${left > 0 ? markup`<p class="small">and ${left} more: <a href="?all">show all</a></p>` : undefined}`
}

function job({ label, pipeline, buildUrl, jobId }: StatusJob): Html {
  const name = label || jobId
  const link = webLink(buildUrl)
  const number = link && /\/builds\/(\d+)/.exec(link)?.[1]
  const named = link ? markup`<a href="${link}#${jobId}">${name}</a>` : markup`${name}`
  return markup`${named}<br><span class="small">${pipeline}${number === undefined ? '' : ` #${number}`}</span>`
}

// A build's address comes with the job: what is no address of a page is no link.
function webLink(url: string): string | undefined {
  return /^https?:\/\/[^\s]+$/.test(url) ? url : undefined
}

function where({ podName, jobName, node }: StatusRun): Html {
  const object = podName === undefined ? `Job ${jobName}` : podName
  return markup`${object}${node === undefined ? '' : markup` <span class="line">on ${node}</span>`}`
}

function time(at: Date, now: Date, word = 'since'): Html {
  return markup`<time datetime="${at.toISOString()}">${word} ${clockText(at, now)}</time>`
}
