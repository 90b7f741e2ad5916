import type { V1ContainerState, V1Job, V1Pod } from '@kubernetes/client-node'
import t from 'tap'
import { ClusterError } from '../../lib/cluster/cluster-error.js'
import { silentLog } from '../../lib/log.js'
import { explanation } from '../../lib/run/explanation.js'
import { HandClock } from '../cluster-client/hand-clock.js'
import { until } from '../cluster-client/loopback.js'
import { FakeCluster, name } from './run-of.js'

const running = { running: { startedAt: new Date(0) } }
const killed = { terminated: { exitCode: 137, reason: 'OOMKilled', signal: 9 } }

/** A pod of an agent and a command container that is in this state. */
function pod(command: V1ContainerState, { held = false } = {}): V1Pod {
  const led = (id: string) => [{ name: 'BUILDKITE_CONTAINER_ID', value: id }]
  const status = (container: string, state: V1ContainerState) => ({
    name: container,
    state,
    ...{ image: 'a', imageID: 'a', ready: false, restartCount: 0 },
  })
  return {
    metadata: { name: 'pod-1', namespace: 'jobs', ...(held && holding) },
    spec: {
      containers: [
        { name: 'agent' },
        { name: 'checkout', env: led('0') },
        {
          name: 'container-0',
          env: led('1'),
          resources: { limits: { memory: '64Mi' } },
        },
      ],
    },
    status: {
      phase: 'Running',
      containerStatuses: [
        status('agent', running),
        status('checkout', { terminated: { exitCode: 0, reason: 'Completed' } }),
        status('container-0', command),
      ],
    },
  }
}

const holding = { annotations: { 'job-spawner/hold-seconds': '600' } }
const heldJob: V1Job = { metadata: { name, ...holding } }
const wish = { BUILDKITE_PLUGINS: '[{"kubernetes":{"holdOnFailure":"10m"}}]' }

/** Lets time pass until that is settled; how long it takes, in milliseconds. */
async function passing(clock: HandClock, promise: Promise<unknown>): Promise<number> {
  const from = clock.now()
  let settled = false
  void promise.finally(() => (settled = true))
  while (!settled) {
    clock.advance(100)
    await new Promise(resolve => setTimeout(resolve, 1))
  }
  return clock.now() - from
}

function asking(
  cluster: FakeCluster,
  env: Record<string, string> = {},
  watched: { job: V1Job | undefined; pod: V1Pod | undefined } = { job: undefined, pod: undefined },
) {
  const clock = new HandClock()
  const looks = { jobs: 0, logs: 0, log: 'last line' as string | Error }
  const getJob = cluster.getJob.bind(cluster)
  cluster.getJob = async job => {
    looks.jobs++
    return getJob(job)
  }
  const podLog = async () => {
    looks.logs++
    if (looks.log instanceof Error) throw looks.log
    return looks.log
  }
  const context = {
    cluster: Object.assign(cluster.asCluster, { podLog }),
    watched: () => watched,
    clock,
    log: silentLog(),
  }
  const ask = (exit_status: string, signal_reason?: string) =>
    explanation({ exit_status, signal_reason }, { jobName: name, env, redactedVars: [] }, context)
  return { clock, looks, ask }
}

t.test(
  'an end that explains itself costs no call, and a failure without a limit one look',
  async t => {
    const { ask, looks } = asking(new FakeCluster())
    t.equal(await ask('0'), undefined)
    t.equal(await ask('-1', 'cancel'), undefined)
    t.equal(await ask('255', 'cancel'), undefined, 'whoever cancelled knows why')
    t.equal(looks.jobs, 0)
    for (const status of ['1', '2', '125', '127']) t.equal(await ask(status), undefined, status)
    t.equal(looks.jobs, 4)
  },
)

t.test(
  'a program whose child was killed for memory keeps its status, and the log says why',
  async t => {
    const cluster = new FakeCluster()
    cluster.pods = [pod({ terminated: { exitCode: 2, reason: 'OOMKilled' } })]
    const told = await asking(cluster).ask('2')
    t.match(told, { cause: 'OOMKilled', fault: 'job', amend: undefined })
    t.match(told?.lines.join('\n'), /64Mi/)
  },
)

t.test('a kill for memory is told with its limit, its own status, and last words', async t => {
  const cluster = new FakeCluster()
  cluster.pods = [pod(killed)]
  const { ask, looks } = asking(cluster)
  const told = await ask('-7')
  t.match(told, {
    cause: 'OOMKilled',
    fault: 'job',
    amend: { exit_status: '137', signal: 'SIGKILL' },
  })
  t.match(told?.lines[0], /^\+\+\+ Job spawner: OOMKilled/)
  t.match(told?.lines.join('\n'), /64Mi[^]*the step itself/)
  t.equal(looks.jobs, 1, 'the status knew it at once')
})

t.test('the status is asked until it knows the end that the agent speaks of', async t => {
  const cluster = new FakeCluster()
  cluster.pods = [pod(running)]
  const { ask, clock, looks } = asking(cluster)
  const told = ask('-7')
  for (let n = 1; n <= 3; n++) {
    await until(() => looks.jobs === n && clock.sleeping === 2)
    if (n === 3) cluster.pods = [pod(killed)]
    clock.advance(400)
  }
  t.match(await told, { cause: 'OOMKilled' })
  t.equal(looks.jobs, 4)
})

t.test('an API server that is away holds a finish up for three seconds', async t => {
  const cluster = new FakeCluster()
  cluster.getJob = async () => {
    throw new ClusterError({ message: 'away' })
  }
  const { ask, clock } = asking(cluster)
  const asked = ask('-7')
  const ms = await passing(clock, asked)
  t.equal(await asked, undefined)
  t.ok(ms <= 3_200, `${ms} ms`)
})

t.test('a kubelet that has much to do is waited for', async t => {
  const cluster = new FakeCluster()
  cluster.pods = [pod(running)]
  const { ask, clock } = asking(cluster)
  const told = ask('-7')
  void clock.sleep(8_000).then(() => (cluster.pods = [pod(killed)]))
  await passing(clock, told)
  t.match(await told, { cause: 'OOMKilled' })
  cluster.pods = [pod(running)]
  const never = ask('-7')
  const ms = await passing(clock, never)
  t.ok(ms > 9_000 && ms < 11_000, `but not for ever: ${ms} ms`)
})

t.test('an agent that was told to stop is not held up for long', async t => {
  const cluster = new FakeCluster()
  cluster.pods = [pod(running)]
  const { ask, clock } = asking(cluster)
  const ms = await passing(clock, ask('-1', 'agent_stop'))
  t.ok(ms <= 3_200, `${ms} ms`)
})

t.test('what the API server does not say in time the watch may know', async t => {
  const cluster = new FakeCluster()
  cluster.podsOfJob = () => new Promise(() => undefined)
  const ended = asking(cluster, {}, { job: undefined, pod: pod(killed) })
  const told = ended.ask('-7')
  await passing(ended.clock, told)
  t.match(await told, { cause: 'OOMKilled', amend: { exit_status: '137' } })
  const deletionTimestamp = new Date(0)
  const gone = { ...pod(running), metadata: { ...pod(running).metadata, deletionTimestamp } }
  const deleted = asking(cluster, {}, { job: undefined, pod: gone })
  const stopped = deleted.ask('-1', 'agent_stop')
  await passing(deleted.clock, stopped)
  t.match(await stopped, { cause: 'PodDeleted' })
})

t.test('one that hangs does so, too', async t => {
  const cluster = new FakeCluster()
  cluster.podsOfJob = () => new Promise(() => undefined)
  const { ask, clock } = asking(cluster)
  const asked = ask('-1', 'agent_stop')
  await until(() => clock.sleeping === 1)
  clock.advance(3_000)
  t.equal(await asked, undefined)
})

t.test('events that we may not read take nothing from what the status says', async t => {
  const cluster = new FakeCluster()
  cluster.pods = [pod(killed)]
  cluster.events = async () => {
    throw new ClusterError({ status: 403, message: 'no events' })
  }
  t.match(await asking(cluster).ask('-7'), { cause: 'OOMKilled' })
})

t.test('last words that are not to be had leave the rest as it is', async t => {
  const cluster = new FakeCluster()
  cluster.pods = [pod({ terminated: { exitCode: 143, reason: 'Error', signal: 15 } })]
  const { ask, looks } = asking(cluster)
  const whole = await ask('-7')
  t.equal(looks.logs, 1)
  t.match(whole?.lines.join('\n'), /last line/)
  looks.log = new ClusterError({ status: 404, message: 'no log' })
  const less = await ask('-7')
  t.equal(less?.cause, whole?.cause)
  t.notMatch(less?.lines.join('\n'), /last line/)
})

t.test('a failed step that asked for it reads how to look into its pod', async t => {
  const cluster = new FakeCluster()
  cluster.jobs.set(name, heldJob)
  cluster.pods = [pod(running, { held: true })]
  const { ask, clock, looks } = asking(cluster, wish)
  const told = await ask('1')
  const until = new Date(clock.now() + 600_000).toISOString().slice(11, 19)
  t.same(told?.lines, [
    `+++ Job spawner: the pod stays for 10m, until 1970-01-01 ${until} UTC`,
    'kubectl exec -it --namespace jobs pod-1 -c container-0 -- /bin/sh',
  ])
  t.equal(told?.cause, undefined, 'nothing else is said of the end')
  t.equal(told?.amend, undefined)
  t.equal(looks.jobs, 1)
})

t.test('a pod of whose start the kubelet has not told yet is waited for', async t => {
  const cluster = new FakeCluster()
  cluster.jobs.set(name, heldJob)
  cluster.pods = [pod({ waiting: { reason: 'PodInitializing' } })]
  const { ask, clock, looks } = asking(cluster, wish)
  const told = ask('5')
  await until(() => looks.jobs === 1 && clock.sleeping === 2)
  cluster.pods = [pod(running)]
  clock.advance(400)
  t.match((await told)?.lines[1], /-c container-0 --/)
  cluster.pods = [pod({ waiting: { reason: 'PodInitializing' } })]
  const late = ask('5')
  await until(() => looks.jobs === 3 && clock.sleeping === 2)
  await passing(clock, late)
  t.match((await late)?.lines[1], /-c container-0 --/, 'it ran: its agent has said so')
})

t.test('nothing is said of a hold where none is', async t => {
  const cluster = new FakeCluster()
  cluster.jobs.set(name, heldJob)
  cluster.pods = [pod(running)]
  const { ask, looks } = asking(cluster, wish)
  t.equal(await ask('0'), undefined, 'a step that did not fail')
  t.equal(await ask('255', 'cancel'), undefined, 'one that was cancelled')
  t.equal(looks.jobs, 0)
  cluster.jobs.set(name, { metadata: { name } })
  t.equal(await ask('1'), undefined, 'one whose wish the operator has not granted')
  cluster.jobs.set(name, heldJob)
  cluster.pods = [pod({ terminated: { exitCode: 1, reason: 'Error' } })]
  t.equal(await ask('1'), undefined, 'a container that has not stayed')
})
