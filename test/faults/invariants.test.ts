import t from 'tap'
import type { History, JobRecord, ObjectChange } from './history.js'
import type { Happening } from './hook/plan.js'
import { invariants, violationsOf } from './invariants/all.js'
import { kinds } from './jobs.js'

// Each promise must be seen to be broken when it is: a checker that finds nothing proves nothing.

const id = '0e3a6c52-6a2e-4d0b-9d7c-2b1f2c7a1a11'

const good: JobRecord = {
  id,
  kind: kinds.status,
  state: 'finished',
  exitStatus: 7,
  signalReason: undefined,
  finishCount: 1,
  chunksFailedCount: 0,
  events: [
    { event: 'assigned', at: 1 },
    { event: 'accepted', at: 2 },
    { event: 'started', at: 3 },
    { event: 'finished', at: 100 },
  ],
  log: 'Kubernetes Job: jobs/x\r\n$ command\nn=1\r\nn=2\nn=3\n',
  executions: 1,
  harm: [],
}

const canceled: JobRecord = {
  ...good,
  id: '7a1f2c66-0000-4d0b-9d7c-2b1f2c7a1a22',
  kind: kinds.cancel,
  state: 'canceled',
  exitStatus: -1,
  signalReason: 'cancel',
  events: [
    { event: 'accepted', at: 2 },
    { event: 'started', at: 3 },
    { event: 'cancelation', at: 50 },
    { event: 'finished', at: 100 },
  ],
  log: 'n=1\n',
}

const quiet: History = {
  jobs: [good, canceled],
  requests: [],
  objections: [],
  happenings: [],
  lives: [
    { replica: 'replica-0', pid: 10, startedAt: 0, lines: ['{"msg":"job spawner starting"}'] },
  ],
  changes: [],
  writes: [],
  texts: [{ where: 'output', text: 'nothing to see' }],
  secrets: [{ what: 'the agent token', value: 'secret-word' }],
  limits: { maxInFlight: 2, leaseMs: 3_000, restMs: 10_000, writesPerJob: 2, requestsPerJob: 40 },
  replicas: 1,
  faults: 0,
  unrest: [],
  endedAt: 200,
}

const names = new Set<string>()

/** The history breaks this promise and no other. */
function breaks(title: string, invariant: string, part: Partial<History>, what: RegExp) {
  names.add(invariant)
  t.test(title, async t => {
    const found = violationsOf({ ...quiet, ...part })
    t.same([...new Set(found.map(one => one.invariant))], [invariant])
    t.match(found[0]?.what, what)
  })
}

function job(part: Partial<JobRecord>): Partial<History> {
  return { jobs: [{ ...good, ...part }] }
}

function happening(part: Partial<Happening>): Happening {
  const usual = {
    at: 10,
    pid: 10,
    moment: 'before',
    effect: 'upstream PUT /jobs/:id/start',
  } as const
  return { ...usual, writes: true, path: `/v3/jobs/${id}/start`, ...part }
}

function change(part: Partial<ObjectChange>, object: Record<string, unknown> = {}): ObjectChange {
  return { at: 5, type: 'ADDED', kind: 'Pod', namespace: 'jobs', name: 'x', object, ...part }
}

function ofJob(uid = 'uid-1') {
  return { metadata: { uid, labels: { 'buildkite.com/job-uuid': id } } }
}

t.test('a history in which all went well breaks no promise', async t => {
  t.same(violationsOf(quiet), [])
})

const events = (...all: [string, number][]) => all.map(([event, at]) => ({ event, at }))

breaks(
  'a job that has not ended',
  'each job ends once',
  job({ events: events(['accepted', 2], ['started', 3]) }),
  /ended 0 times/,
)
breaks(
  'a job that has ended twice',
  'each job ends once',
  job({ events: [...good.events, { event: 'agentLost', at: 120 }] }),
  /ended 2 times/,
)
breaks(
  'another exit status than that of the command',
  'with its own exit status, or the cause',
  job({ exitStatus: -1, signalReason: 'agent_stop' }),
  /its command ends with 7/,
)
breaks(
  'a harmed job without a cause',
  'with its own exit status, or the cause',
  job({ exitStatus: -1, harm: ['its pod was deleted'] }),
  /no cause is named/,
)
breaks(
  'a cancelled job that says otherwise',
  'with its own exit status, or the cause',
  { jobs: [{ ...canceled, signalReason: 'agent_stop' }] },
  /cancelled/,
)
breaks(
  'a line that is missing in the middle',
  'its log is whole and in order',
  job({ log: 'n=1\nn=3\n' }),
  /line 2 is missing/,
)
breaks(
  'a line that is missing at the end',
  'its log is whole and in order',
  job({ log: 'n=1\nn=2\n' }),
  /2 lines of 3/,
)
breaks(
  'lines in another order',
  'its log is whole and in order',
  job({ log: 'n=2\nn=1\nn=3\n' }),
  /line 1 comes after line 2/,
)
breaks(
  'a line twice, though a loss is admitted',
  'its log is whole and in order',
  job({ log: 'n=1\nn=1\nn=3\n', chunksFailedCount: 1 }),
  /line 1 comes after line 1/,
)
breaks('a command that ran twice', 'its command runs once', job({ executions: 2 }), /2 times/)
breaks('a command that never ran', 'its command runs once', job({ executions: 0 }), /has not run/)
breaks(
  'two Jobs for a job',
  'it has one Job and one pod',
  { changes: [change({ kind: 'Job' }, ofJob()), change({ kind: 'Job' }, ofJob())] },
  /2 Jobs/,
)
breaks(
  'two pods of a job that are both let in',
  'one pod has its credential',
  {
    jobs: [{ ...good, harm: ['its pod was deleted'] }],
    changes: [change({}, ofJob('uid-1')), change({}, ofJob('uid-2'))],
    happenings: ['uid-1', 'uid-2'].map(pod =>
      happening({ effect: 'gateway POST /register', path: '/v3/register', status: 200, pod }),
    ),
  },
  /2 pods/,
)
breaks(
  'a credential that is good after the end',
  'which ends with the job',
  {
    happenings: [
      happening({
        effect: 'gateway POST /jobs/:id/data/set',
        path: `/v3/jobs/${id}/data/set`,
        at: 5_000,
        status: 200,
      }),
    ],
  },
  /4900 ms after its end/,
)
breaks(
  'the Job of a job that runs is deleted',
  'no healthy job is killed',
  { changes: [change({ kind: 'Job', type: 'DELETED', at: 50 }, ofJob())] },
  /deleted while the job ran/,
)
breaks(
  'a chunk that is refused while the job runs',
  'no passing fault is final to a pod',
  {
    happenings: [
      happening({
        effect: 'gateway POST /jobs/:id/chunks',
        path: `/v3/jobs/${id}/chunks?sequence=1`,
        at: 50,
        status: 404,
      }),
    ],
  },
  /answered 404/,
)
breaks(
  'three jobs where two are allowed',
  'never more jobs than allowed',
  { jobs: [good, good, good] },
  /3 jobs at once, of 2/,
)

const lease = (at: number, pid: number | undefined) =>
  change(
    { kind: 'Lease', type: 'MODIFIED', at },
    {
      metadata: { annotations: { 'job-spawner/holder': JSON.stringify({ pid }) } },
      spec: { holderIdentity: pid && `host_${pid}`, leaseDurationSeconds: 3 },
    },
  )

const lease10 = [lease(0, 10), lease(2_000, 10)]

breaks(
  'a write before the lease was taken',
  'who writes holds the lease',
  { changes: [lease(100, 10)], happenings: [happening({ at: 50 })] },
  /process 10 sent .*start without the lease/,
)
breaks(
  'a write when the lease has run out',
  'who writes holds the lease',
  { changes: lease10, happenings: [happening({ at: 5_100 })] },
  /without the lease/,
)
breaks(
  'a write when another process has the lease',
  'who writes holds the lease',
  { changes: [...lease10, lease(3_000, 11)], happenings: [happening({ at: 3_100 })] },
  /without the lease/,
)
breaks(
  'a write when the lease was given away',
  'who writes holds the lease',
  { changes: [...lease10, lease(3_000, undefined)], happenings: [happening({ at: 3_100 })] },
  /without the lease/,
)
breaks('two processes without a lease', 'who writes holds the lease', { replicas: 2 }, /no lease/)
breaks(
  'a word that nobody may see',
  'no secret is seen',
  { texts: [{ where: 'output of replica-0', text: 'token=secret-word' }] },
  /the agent token in output of replica-0/,
)
breaks(
  'a token by its looks',
  'no secret is seen',
  { texts: [{ where: 'Pod x', text: `"bkaj_${'0123456789abcdef'.repeat(3)}"` }] },
  /a job token of upstream in Pod x/,
)
breaks(
  'an objection of upstream',
  'upstream has nothing to object to',
  { objections: ['PUT /jobs/x/finish: it is finished'] },
  /it is finished/,
)
breaks(
  'the same request over and over',
  'nothing is done over and over',
  {
    happenings: Array.from({ length: 60 }, (_, index) =>
      happening({ at: index, effect: 'upstream GET /jobs/:id', writes: false }),
    ),
  },
  /more than 30 times in a second/,
)
breaks(
  'more writes than jobs explain',
  'few writes and requests',
  {
    writes: Array.from({ length: 12 }, () => ({
      at: 1,
      verb: 'update',
      kind: 'Secret',
      name: 'x',
    })),
  },
  /12 writes/,
)
breaks(
  'a process that ends by an error that nobody has thought of',
  'no process ends by accident',
  {
    lives: [
      {
        replica: 'replica-0',
        pid: 10,
        startedAt: 0,
        end: 1,
        lines: ['TypeError: x is not a function', '    at run (file:///dist/run.js:10:5)'],
      },
    ],
  },
  /TypeError: x is not a function/,
)
breaks(
  'a pod that is left behind',
  'in the end all is at rest',
  { unrest: ['pod x is Running'] },
  /pod x is Running/,
)

t.test('every promise has a test that it is seen to be broken', async t => {
  t.same(
    invariants.map(({ name }) => name).filter(name => !names.has(name)),
    [],
  )
})

t.test('a process that holds the lease may write, also as it renews it', async t => {
  const happenings = [100, 2_500, 4_900].map(at => happening({ at }))
  t.same(violationsOf({ ...quiet, changes: lease10, happenings, endedAt: 5_000 }), [])
})
