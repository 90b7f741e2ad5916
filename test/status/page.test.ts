import t from 'tap'
import { statusPage } from '../../lib/status/page.js'
import type { StatusSnapshot } from '../../lib/status/status.js'
import { before, endedOf, runOf, snapshotOf } from './snapshot-of.js'

/** The page's text as a person reads it. */
function textOf(page: string): string {
  return page
    .replace(/<style>[^]*?<\/style>/, '')
    .replace(/<[^>]*>/g, ' ')
    .replace(/&#39;/g, "'")
    .replace(/&lt;/g, '<')
    .replace(/\s+/g, ' ')
}

t.test('a person sees who leads, since when, and how busy it is', async t => {
  const runs = [runOf(1, { phase: 'accepted' }), runOf(2), runOf(3, { phase: 'ending' })]
  const text = textOf(statusPage(snapshotOf({ runs })))
  t.match(text, 'Leading for 2 h 13 min since 18:52:13')
  t.match(text, '4 of 8 slots busy 4 idle')
  t.match(text, '3 runs open 1 without a Job · 1 running · 1 ending')
  t.match(text, 'Watch of pods proved current 3 s ago')
})

t.test('what waits is told with its reason, since when, and where it is', async t => {
  const waiting = {
    ...{ phase: 'unscheduled' as const, since: before(134), node: undefined, podName: 'pod-a' },
    waitingFor: 'waiting for a node\nKubernetes says (FailedScheduling): 0/3 nodes',
  }
  const page = statusPage(snapshotOf({ runs: [runOf(1, waiting)] }))
  t.match(
    textOf(page),
    'without a node 2 min 14 s since 21:03:19 waiting for a node Kubernetes says',
  )
  t.match(textOf(page), /0\/3 nodes pod-a/)
  t.match(page, `href="https://buildkite.com/acme/web/builds/4001#${runOf(1).jobId}"`)
  t.match(textOf(page), 'web #4001')
  const silent = statusPage(snapshotOf({ runs: [runOf(1, { phase: 'accepted' })] }))
  t.match(textOf(silent), 'Its Job is being made.')
})

t.test(
  'a run whose agent runs and whose command can not be started stands among those that wait',
  async t => {
    const waitingFor = 'Container main has no image yet.'
    const text = textOf(statusPage(snapshotOf({ runs: [runOf(1, { waitingFor }), runOf(2)] })))
    t.match(text, /Waiting 1 .* agent running 42 s since [0-9:]+ Container main has no image yet/)
    t.match(text, /Running 1 /)
  },
)

t.test('how runs ended is told with cause, exit status and whose fault it was', async t => {
  const ended = [
    endedOf(1, { cause: 'OOMKilled', fault: 'job', exitStatus: 137 }),
    endedOf(2, { cause: 'NodeLost', fault: 'cluster', exitStatus: -1, by: 'spawner' }),
    endedOf(3, { cause: 'EndedUpstream', exitStatus: undefined, by: 'upstream' }),
  ]
  const text = textOf(statusPage(snapshotOf({ ended })))
  t.match(text, "20 s ago at 21:05:13 OOMKilled exit status 137, the job's fault 42 s")
  t.match(text, "NodeLost exit status -1, the cluster's fault 43 s, ended by the job spawner")
  t.match(text, /EndedUpstream 44 s, ended by Buildkite/)
})

t.test('everything that others write is escaped', async t => {
  const evil = `</td><script>alert(1)</script>"'&`
  const given = { label: evil, pipeline: evil, buildUrl: `https://x/"onclick="y`, waitingFor: evil }
  const page = statusPage(
    snapshotOf({
      instance: evil,
      warnings: [evil],
      runs: [
        runOf(1, { ...given, phase: 'preparing', jobName: evil, podName: evil, node: evil }),
        runOf(2, { ...given, podName: undefined, jobName: evil }),
      ],
      ended: [endedOf(1, { ...given, cause: evil })],
      watches: [{ watch: evil }],
    }),
  )
  t.notMatch(page, /<script|"onclick/)
  t.match(page, '&lt;/td&gt;&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;')
})

t.test('only an address of a page becomes a link', async t => {
  for (const buildUrl of ['', 'javascript:alert(1)', 'data:text/html,x', '//elsewhere/x']) {
    const page = statusPage(snapshotOf({ runs: [runOf(1, { buildUrl })] }))
    t.same(page.match(/href="[^"]*"/g), ['href="?format=json"', 'href="/metrics"'], buildUrl)
  }
})

t.test('nothing is fetched from anywhere, and the page shows itself anew', async t => {
  const page = statusPage(snapshotOf({ runs: [runOf(1)], ended: [endedOf(1)] }))
  t.notMatch(page, /<(script|img|link|iframe|object|form)|@import|url\(|src=/)
  t.match(page, '<meta http-equiv="refresh" content="10">')
  t.match(page, 'prefers-color-scheme: dark')
  t.match(page, 'name="viewport"')
})

t.test('with a thousand runs the longest are shown, and all on demand', async t => {
  const runs = Array.from({ length: 1_000 }, (_, n) =>
    runOf(n, n < 300 ? { phase: 'preparing' } : {}),
  )
  const rows = (page: string) => page.match(/<td class="job">/g)?.length
  const page = statusPage(snapshotOf({ runs }))
  t.equal(rows(page), 200)
  t.match(textOf(page), /and 200 more: show all .* and 600 more: show all/)
  t.equal(rows(statusPage(snapshotOf({ runs }), { all: true })), 1_000)
})

t.test('a standby says that it is one, and claims nothing of runs', async t => {
  const lease = { held: false }
  const text = textOf(statusPage(snapshotOf({ state: 'standby', lease })))
  t.match(text, 'Standing by for')
  t.match(text, 'Another process leads')
  t.match(text, 'Which one leads: kubectl get leases')
  t.match(text, 'Lease not held')
  t.notMatch(text, /slots busy|Ended last/)
})

t.test('that nothing was called yet is told as no silence of Buildkite', async t => {
  const of = (upstream: StatusSnapshot['upstream']) => textOf(statusPage(snapshotOf({ upstream })))
  t.match(of({ failures: 0 }), 'Buildkite not called yet')
  const failing = { failingSince: before(40), failures: 4 }
  t.match(of(failing), 'Buildkite 4 calls failed in the last 40 s, has not answered yet')
})

t.test('every column of a table says what it is', async t => {
  const runs = [runOf(1, { phase: 'preparing' }), runOf(2)]
  const page = statusPage(snapshotOf({ runs, ended: [endedOf(3)] }))
  const heads = page.match(/<th>[^<]*/g) ?? []
  t.same(
    heads.map(head => head.slice(4)).join(),
    'Job,Phase,Why,Where,Job,Runs for,Where,Job,Ended,Cause,Took',
  )
})

t.test('warnings come first', async t => {
  const text = textOf(statusPage(snapshotOf({ warnings: ['What is known of pods is old.'] })))
  t.ok(text.indexOf('What is known of pods') < text.indexOf('slots busy'))
})
