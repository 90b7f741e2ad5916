import type { CoreV1Event } from '@kubernetes/client-node'
import t from 'tap'
import { ClusterError } from '../../lib/cluster/cluster-error.js'
import { EventBook, trimmedEvent } from '../../lib/supervise/event-book.js'
import { patientSource } from '../../lib/supervise/patient-source.js'
import { HandClock } from '../cluster-client/hand-clock.js'
import { eventOf, FakeSource, jobOf, settle, supervised, TwoFacedCluster } from './cluster-of.js'

const refused = 'Error creating: pods "x" is forbidden: violates PodSecurity "restricted"'
const quota = 'Error creating: pods "x" is forbidden: exceeded quota: small'

/** A Job that has no pod, and what its controller says of that. */
async function withoutPod(
  t: Parameters<typeof supervised>[0],
  message: string,
  cluster = new TwoFacedCluster(),
) {
  const world = supervised(t, cluster)
  await world.supervisor.synced()
  const at = world.clock.now()
  const said = { reason: 'FailedCreate', message, type: 'Warning', at }
  const event = eventOf('Job', world.run.jobName, said)
  cluster.eventsOf.set(world.run.jobName, [event])
  const job = jobOf('job-1', undefined, at)
  cluster.liveJob = { ...job, status: { startTime: new Date(at) } }
  cluster.watchedJobs.tell('ADDED', cluster.liveJob)
  cluster.watchedEvents.tell('ADDED', event)
  await settle()
  return world
}

t.test('a pod that a policy refuses ends the run with its words, in seconds', async t => {
  const { run, judge, cluster } = await withoutPod(t, refused)
  await judge(15)
  t.match(run.ends, [{ cause: 'PodRefused', exitStatus: -1, signalReason: 'process_run_error' }])
  t.match(run.ends[0]?.message, /violates PodSecurity/)
  t.same(cluster.ended, [run.jobName])
})

t.test('a pod that a quota keeps back is told of and waited for', async t => {
  const { cluster, run, judge, supervisor } = await withoutPod(t, quota)
  await judge(120)
  t.same(run.ends, [])
  t.match(run.said.join('\n'), /exceeded quota: small/)
  t.match(supervisor.waitingFor('job-1'), /quota/)
  t.equal(cluster.eventLooks, 0, 'the watch tells of events')
})

t.test('events that we may not read are said to be so once, and done without', async t => {
  const cluster = new TwoFacedCluster()
  const forbidden = new ClusterError({ status: 403, message: 'no' })
  let asked = 0
  cluster.watchEvents = () => ({
    kind: 'CoreV1Event',
    list: () => {
      asked += 1
      return Promise.reject(forbidden)
    },
    watch: () => Promise.reject(forbidden),
  })
  cluster.events = () => Promise.reject(forbidden)
  const { run, judge, supervisor } = await withoutPod(t, refused, cluster)
  await judge(25)
  t.same(run.ends, [])
  t.equal(asked, 1)
  t.same(
    supervisor.freshness().map(({ watch }) => watch),
    ['pods', 'jobs'],
  )
  await judge(20)
  t.match(run.ends, [{ cause: 'EmptyJob' }], 'what the statuses say counts')
})

t.test('a source that we may list and not watch looks like one that is silent', async t => {
  const clock = new HandClock()
  const source = new FakeSource<CoreV1Event>()
  let watches = 0
  const forbidden = () => {
    watches += 1
    return Promise.reject(new ClusterError({ status: 403, message: 'no' }))
  }
  const told: unknown[] = []
  const patient = patientSource<CoreV1Event>(
    { kind: 'fake', list: () => source.list(), watch: forbidden },
    { clock, onForbidden: error => told.push(error) },
  )
  const from = { resourceVersion: '1', timeoutSeconds: 60 }
  const signal = new AbortController().signal
  for (let n = 0; n < 3; n++) {
    const events = (await patient.watch(from, signal))[Symbol.asyncIterator]()
    const next = events.next()
    await settle()
    clock.advance(60_000)
    t.match(await next, { done: true })
  }
  t.equal(watches, 1)
  t.equal(told.length, 1)
  clock.advance(10 * 60_000)
  await patient.watch(from, signal)
  t.equal(watches, 2, 'a role that was mended is noticed')
  t.equal(told.length, 1)
  const busy = new ClusterError({ status: 503, message: 'busy' })
  const other = patientSource<CoreV1Event>(
    { kind: 'fake', list: () => Promise.reject(busy), watch: () => Promise.reject(busy) },
    { clock, onForbidden: () => {} },
  )
  await t.rejects(other.list({ limit: 1 }), { name: 'ClusterError', status: 503 })
  await t.rejects(other.watch(from, signal), { name: 'ClusterError', status: 503 })
})

t.test('of the events of others only the last few are kept', async t => {
  const book = new EventBook()
  book.follow('Pod', 'ours')
  for (let n = 0; n < 20_000; n++) {
    book.take(eventOf('Pod', `foreign-${n}`, { reason: 'Pulled' }))
    book.take(eventOf('Pod', 'ours', { reason: `Reason${n}` }))
  }
  t.ok(book.size <= 1_040, `${book.size} events`)
  t.equal(book.about('Pod', 'ours').at(-1)?.reason, 'Reason19999')
  t.same(book.about('Pod', 'foreign-19999'), [])
  book.follow('Pod', 'foreign-19999')
  t.equal(book.about('Pod', 'foreign-19999').length, 1, 'it came before its object')
  book.forget('Pod', 'ours')
  t.same(book.about('Pod', 'ours'), [])
})

t.test('an event that changes is one event, and one that is gone is none', async t => {
  const book = new EventBook()
  book.follow('Job', 'j')
  const event = eventOf('Job', 'j', { reason: 'FailedCreate' })
  book.take(event)
  book.take({ ...event, count: 2 })
  t.match(book.about('Job', 'j'), [{ count: 2 }])
  t.same(book.about('Pod', 'j'), [], 'a pod of the same name is another object')
  book.drop(event)
  t.same(book.about('Job', 'j'), [])
})

t.test('of an event is kept what is said, and nothing else', async t => {
  const event = eventOf('Pod', 'p', { reason: 'Pulled', message: 'so' })
  const bulky = {
    ...event,
    metadata: { ...event.metadata, annotations: { a: 'b' }, managedFields: [{}] },
    reportingInstance: 'x',
  }
  t.notMatch(JSON.stringify(trimmedEvent(bulky)), /annotations|managedFields|reportingInstance/)
  t.match(trimmedEvent(bulky), { reason: 'Pulled', message: 'so' })
})
