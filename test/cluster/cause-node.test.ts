import t from 'tap'
import { isOver } from '../harness/builds.js'
import { hasComponents } from './harness/components.js'
import { jobImage } from './harness/env.js'
import { openPipeline } from './harness/counting.js'
import { addObject } from './harness/job-pods.js'
import { apply, eventually, kubectl } from './harness/kubectl.js'
import {
  killPodOnSecondNode,
  killSecondKubelet,
  letEndOnSecondNode,
  onSecondNode,
  secondNode,
  startSecondNode,
} from './harness/second-node.js'
import { stepWith } from './harness/steps.js'
import { startNeighbour, startStage, tells, untilSeen } from './harness/verdict-case.js'
import { containerIs } from './harness/watching.js'

// What becomes of a job when something becomes of its node: a second one on this machine, for nobody else. What is done
// to all of it is done to one job after the other.

t.jobs = 3

if (!hasComponents()) t.bailout("the cluster's processes are not ours")

const stage = await startStage({ maxInFlight: 8 })
const { world, watching } = stage
const [neighbourEnds] = await Promise.all([startNeighbour(stage), startSecondNode(t)])
const alone = { buffered: false } as const

const ready = /ready\r*\n/
const stopped = { exitStatus: -1, signalReason: 'agent_stop' } as const

function step(podSpec: object = {}, fields: object = {}): string {
  const containers = [{ image: jobImage, command: ['echo ready; sleep 300'], ...fields }]
  return stepWith({ podSpec: { ...onSecondNode, containers, ...podSpec } })
}

t.test('a taint that the pod does not tolerate is told while it waits', async t => {
  const { id } = world.begin(step({ tolerations: [] }))
  const saidAt = await eventually(
    'the event',
    async () => watching.eventWas(id, /^FailedScheduling/),
    30,
  )
  await world.until(id, ({ log }) => /untolerated taint/.test(log), 'the line')
  const seconds = (Date.now() - saidAt) / 1000
  t.ok(seconds < 20, `told ${seconds.toFixed(1)} s after Kubernetes said so`)
  t.comment(`| ${t.name} | ${seconds.toFixed(1)} s | told while it waits |`)
  world.upstream.cancelJob(id)
  t.match(await world.until(id, isOver, 'the end of the job'), { state: 'canceled' })
})

t.test('a node that did not take the pod', async t => {
  const big = { resources: { requests: { cpu: '900' } } }
  await tells(t, stage, {
    pipeline: step({ nodeName: secondNode }, big),
    said: (seen, id) => seen.podWas(id, ({ status }) => status?.phase === 'Failed'),
    end: { exitStatus: -1, signalReason: 'stack_error' },
    log: [/\+\+\+ Job spawner: NodeRefused/, /OutOfcpu/],
  })
})

// A kubelet measures volumes when it first counts its pods, and then every minute or two: this one does so each second.
t.test('more in an emptyDir than its limit', t =>
  tells(t, stage, {
    pipeline: step(
      { volumes: [{ name: 'data', emptyDir: { sizeLimit: '2Mi' } }] },
      {
        command: ['echo ready; head -c 20m /dev/zero > /data/x; sleep 300'],
        volumeMounts: [{ name: 'data', mountPath: '/data' }],
      },
    ),
    said: (seen, id) => seen.eventWas(id, /^Evicted/),
    end: stopped,
    log: [/\+\+\+ Job spawner: StorageLimit/, /data/, /2Mi/],
  }),
)

t.test('a taint that drives the pod away', alone, async t => {
  const taint = (end: string) =>
    kubectl(['taint', 'node', secondNode, `maintenance=now:NoExecute${end}`])
  await tells(t, stage, {
    pipeline: step(),
    ready,
    deed: () => taint(''),
    end: stopped,
    log: [/\+\+\+ Job spawner: EvictedByTaint/, /DeletionByTaintManager/],
  })
  await taint('-')
})

t.test('a pod of higher priority that needs the room', alone, async t => {
  const name = `${world.namespaces.jobs}-high`
  t.teardown(() => kubectl(['delete', 'priorityclass', name]).then(() => {}))
  const metadata = { name }
  await apply({ apiVersion: 'scheduling.k8s.io/v1', kind: 'PriorityClass', metadata, value: 1000 })
  const resources = { requests: { cpu: '1200m' } }
  const containers = [{ name: 'a', image: jobImage, command: ['sleep', '60'], resources }]
  const spec = { ...onSecondNode, priorityClassName: name, containers }
  await tells(t, stage, {
    pipeline: step({}, { resources }),
    ready,
    deed: () =>
      addObject(world, { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'vip' }, spec }),
    said: (seen, id) =>
      seen.podWas(id, pod =>
        Boolean(pod.status?.conditions?.some(({ type }) => type === 'DisruptionTarget')),
      ),
    end: stopped,
    log: [/\+\+\+ Job spawner: Preempted/, /PreemptionByScheduler/],
  })
  const now = ['--grace-period=0', '--force']
  await kubectl(['delete', 'pod', 'vip', '-n', world.namespaces.jobs, ...now])
})

t.test('a node that is lost with one pod, while another pod on it goes on', alone, async t => {
  const grace = { terminationGracePeriodSeconds: 2 }
  const goesOn = JSON.parse(openPipeline(0)) as { steps: object[] }
  const podSpec = { ...onSecondNode, containers: [{ image: jobImage }] }
  const alive = world.begin(
    JSON.stringify({ steps: [{ ...goesOn.steps[0], plugins: [{ kubernetes: { podSpec } }] }] }),
  )
  await world.until(alive.id, ({ log }) => /line 1\r*\n/.test(log), 'the other job')
  const alivePod = await untilSeen(stage, alive.id, containerIs('container-0', 'running'))
  let lostId = ''
  let killedAt = 0
  await tells(t, stage, {
    pipeline: step(grace),
    ready,
    deed: async ({ id }) => {
      lostId = id
      const pod = await untilSeen(stage, id, containerIs('container-0', 'running'))
      killSecondKubelet()
      killedAt = Date.now()
      await killPodOnSecondNode(pod)
    },
    said: ({ nodes }) =>
      nodes.find(
        ({ at, object: { metadata, status } }) =>
          // It may have been so before, when it came or when the machine had no time for its kubelet.
          at > killedAt &&
          metadata?.name === secondNode &&
          status?.conditions?.some(one => one.type === 'Ready' && one.status === 'Unknown'),
      )?.at,
    end: stopped,
    log: [/\+\+\+ Job spawner: NodeLost/, new RegExp(secondNode)],
  })
  const gone = await eventually('the pod to be gone', async () => watching.podGone(lostId), 90)
  const finishedAt = world.upstream.job(lostId).times.finished ?? 0
  t.comment(`its pod was gone ${((gone - finishedAt) / 1000).toFixed(0)} s after the finish`)
  t.equal(world.upstream.job(alive.id).finishCount, 0, 'the other job goes on')
  await letEndOnSecondNode(alivePod)
  const job = await world.until(alive.id, isOver, 'the end of the other job')
  t.match(job, { state: 'finished', exitStatus: 0, finishCount: 1 }, job.log)
  t.notMatch(job.log, /\+\+\+ Job spawner/)
})

t.test('the healthy job beside them', alone, t => neighbourEnds(t))
