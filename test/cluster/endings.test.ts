import t from 'tap'
import { eventually, kubectl, kubectlJson } from './harness/kubectl.js'
import { isOver } from '../harness/builds.js'
import { startWorld } from './harness/world.js'

// Jobs that do not end by themselves.

const world = await startWorld(t)
const { upstream, namespaces } = world
const podsOf = async (jobId: string) =>
  (
    await kubectlJson<{ items: { metadata: { name: string } }[] }>([
      'get',
      'pods',
      '-n',
      namespaces.jobs,
      '-l',
      `buildkite.com/job-uuid=${jobId}`,
    ])
  ).items

t.test('a cancelled job is interrupted in its pod and ends as cancelled', async t => {
  const { id } = world.begin(
    `steps: [{ command: "trap 'echo got term; exit 3' TERM; echo ready; sleep 120 & wait" }]`,
  )
  await world.until(
    id,
    job => job.log.includes('ready\r') || /ready\r*\n/.test(job.log),
    'the command to run',
  )
  upstream.cancelJob(id)
  const job = await world.until(id, isOver, 'the end of the job')
  t.match(job, { state: 'canceled', finishCount: 1 })
  t.match(job.log, /got term/)
})

t.test('a job cancelled while its pod is pending loses its Job at once', async t => {
  const { id } = world.begin(`
steps: [{ command: "true", plugins: [{ kubernetes: { podSpec: { nodeSelector: { nowhere: "true" }, containers: [{ image: "local/busybox:1" }] } } }] }]
`)
  await eventually('the pod', async () => (await podsOf(id)).length === 1 || undefined, 30)
  upstream.cancelJob(id)
  const job = await world.until(id, isOver, 'the end of the job')
  t.match(job, { state: 'canceled', signalReason: 'cancel', finishCount: 1 })
  await eventually(
    'the Job to be gone',
    async () => (await podsOf(id)).length === 0 || undefined,
    30,
  )
})

t.test('a pod that is deleted under a running job ends it', async t => {
  const { id } = world.begin(`steps: [{ command: "echo ready; sleep 120" }]`)
  await world.until(id, job => /ready\r*\n/.test(job.log), 'the command to run')
  const [pod] = await podsOf(id)
  await kubectl(['delete', 'pod', pod?.metadata.name ?? '', '-n', namespaces.jobs, '--wait=false'])
  const job = await world.until(id, isOver, 'the end of the job')
  t.match(job, { state: 'finished', signalReason: 'agent_stop', finishCount: 1 })
  t.notOk(job.passed)
})

t.test('an agent that is killed ends its job, with the reason in the log', async t => {
  const { id } = world.begin(`steps: [{ command: "echo ready; sleep 120" }]`)
  await world.until(id, job => /ready\r*\n/.test(job.log), 'the command to run')
  const [pod] = await podsOf(id)
  // Not process 1, which a container's own processes can't kill: tini ends with the agent.
  const kill =
    'for p in /proc/[0-9]*; do case "$(readlink $p/exe)" in */buildkite-agent) kill -9 ${p#/proc/};; esac; done'
  const name = pod?.metadata.name ?? ''
  await kubectl(['exec', name, '-n', namespaces.jobs, '-c', 'agent', '--', 'sh', '-c', kill])
  const job = await world.until(id, isOver, 'the end of the job')
  t.match(job, { state: 'finished', exitStatus: -1, signalReason: 'agent_stop', finishCount: 1 })
  t.match(job.log, /\+\+\+ Job spawner: [^]*137/)
})

t.test('an image that does not exist is named in the log, and its pod does not stay', async t => {
  const { id } = world.begin(`
steps: [{ command: "true", plugins: [{ kubernetes: { podSpec: { containers: [{ image: "local/no-such-image:9", imagePullPolicy: Never }] } } }] }]
`)
  const job = await world.until(id, isOver, 'the end of the job')
  t.match(job, { state: 'finished', exitStatus: -1, finishCount: 1 })
  t.match(job.log, /no-such-image:9/)
  await eventually(
    'the pod to be gone',
    async () => (await podsOf(id)).length === 0 || undefined,
    // Its grace is a minute, and its agent waits for a container that never came.
    120,
  )
})
