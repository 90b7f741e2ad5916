import t from 'tap'
import { isOver } from '../harness/builds.js'
import { agentImage } from './harness/env.js'
import { podOf } from './harness/job-pods.js'
import { eventually, kubectl, kubectlJson } from './harness/kubectl.js'
import { runPod } from './harness/pod.js'
import { clusterToken, startWorld } from './harness/world.js'

// What a pod holds is good for that pod, for that job, until it ends. One job is held open for it; a sidecar of its pod
// outlives it, and calls on.

const world = await startWorld(t)
const { upstream, namespaces, gatewayUrl } = world
const inJobs = ['-n', namespaces.jobs]
const refused = /^40[13]$/
const proofFile = '/var/run/job-spawner/token'
const finish = { exit_status: '0', signal: '', signal_reason: '', finished_at: 'now' }
const impostor = { name: 'x', version: '3.137.0', build: '1', hostname: 'x', arch: 'amd64' }

/** A call of the gateway in a shell: it prints what it is and the status of the answer. */
function call(
  what: string,
  path: string,
  { token, method = 'POST', body = { key: 'secret' } }: Call,
): string {
  const headers = [`Authorization: Token ${token}`, 'Content-Type: application/json']
  const args = headers.map(header => `-H "${header}"`).join(' ')
  const curl = `curl -sS -m 20 -o /dev/null -w '%{http_code}' -X ${method} ${args}`
  return `echo ${what} $(${curl} -d '${JSON.stringify(body)}' ${gatewayUrl}/v3${path})`
}

interface Call {
  token: string
  method?: string
  body?: object
}

/** What the calls of a log say, by what they are. */
function answers(log: string): Record<string, string> {
  const said = log.matchAll(/^(\w+) (\d{3})\r*$/gm)
  return Object.fromEntries([...said].map(([, what = '', status = '']) => [what, status]))
}

async function fromAnotherPod(calls: readonly string[]): Promise<Record<string, string>> {
  const command = ['sh', '-c', calls.join('\n')]
  return answers((await runPod(namespaces.jobs, { image: agentImage, command })).log)
}

const sidecar = [
  'trap "" TERM',
  'until test -s /workspace/token; do sleep 0.1; done',
  'job=$(cat /workspace/id) token=$(cat /workspace/token)',
  `until test -e /workspace/go; do sleep 0.2; done`,
  call('before', '/jobs/$job/data/get', { token: '$token' }),
  'sleep 3',
  ...[1, 2, 3].map(i => call(`after${i}`, '/jobs/$job/data/get', { token: '$token' })),
  call('finish', '/jobs/$job/finish', { token: '$token', method: 'PUT', body: finish }),
]
const holding = [
  'printf %s "$BUILDKITE_JOB_ID" > /workspace/id',
  'printf %s "$BUILDKITE_AGENT_ACCESS_TOKEN" > /workspace/token',
  'echo held',
  'until test -e /workspace/go; do sleep 0.2; done',
  'sleep 1; exit 3',
]
const sidecars = [{ image: agentImage, command: ['sh', '-c', sidecar.join('\n')] }]
const held = world.begin(
  JSON.stringify({
    steps: [{ command: holding.join('\n'), plugins: [{ kubernetes: { sidecars } }] }],
  }),
)
await world.until(held.id, ({ log }) => /^held\r*$/m.test(log), 'the job')
const pod = await podOf(world, held.id)
const podName = pod.metadata?.name ?? ''
const exec = (container: string, ...command: string[]) =>
  kubectl(['exec', podName, ...inJobs, '-c', container, '--', ...command])
const token = await exec('container-0', 'cat', '/workspace/token')

/** Whether the spawner has logged, from that line on, that it refused a call that named the job. */
function isTold(from: number): boolean {
  const told = world.spawner.log.slice(from).filter(({ msg }) => msg === 'call refused')
  return told.some(({ path }) => String(path).includes(held.id))
}

t.test("what is Buildkite's is nowhere that a job can look", async t => {
  const kinds = 'jobs,pods,events,secrets,configmaps,serviceaccounts'
  const all = 'cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline 2>/dev/null; true'
  const environments = (container: string) => exec(container, 'sh', '-c', all)
  const places = {
    'the objects of the namespace': JSON.stringify(await kubectlJson(['get', kinds, ...inJobs])),
    "the command's environment": await environments('container-0'),
    "the agent's environment": await environments('agent'),
    "the containers' logs": await kubectl(['logs', podName, ...inJobs, '--all-containers']),
    "the job's log": upstream.job(held.id).rawLog.toString(),
    "the spawner's log": JSON.stringify(world.spawner.log),
  }
  t.match(places["the command's environment"], token, 'what is there is found')
  for (const [place, text] of Object.entries(places)) {
    t.notOk(text.includes(clusterToken), `no cluster token in ${place}`)
    // The emulator's tokens: of an agent's session, and of a job.
    t.notMatch(text, /bka[aj]_[0-9a-f]{48}/, `no token of upstream's in ${place}`)
  }
  t.notOk(places['the objects of the namespace'].includes(token), 'nor ours in an object')
  t.notOk(places["the spawner's log"].includes(token), "nor ours in the spawner's log")
})

t.test("from another pod's address, what the pod holds is refused", async t => {
  const proof = (await exec('agent', 'cat', proofFile)).trim()
  t.match(proof, /^ey/, 'its service account token')
  await t.rejects(exec('container-0', 'cat', proofFile), /No such file/)
  const create = ['create', 'token', 'default', ...inJobs]
  const forNobody = (await kubectl([...create, '--audience=job-spawner'])).trim()
  const forTheServer = (await kubectl(create)).trim()
  const register = (what: string, token: string) =>
    call(what, '/register', { token, body: impostor })
  const from = world.spawner.log.length
  const said = await fromAnotherPod([
    call('read', `/jobs/${held.id}/data/get`, { token }),
    call('finish', `/jobs/${held.id}/finish`, { token, method: 'PUT', body: finish }),
    register('proof', proof),
    // What the API server does not know for once is asked about again; a second time is its word.
    register('nobody', forNobody),
    register('nobody', forNobody),
    register('server', forTheServer),
    register('server', forTheServer),
  ])
  for (const what of ['read', 'finish', 'proof', 'nobody', 'server'])
    t.match(said[what], refused, what)
  t.ok(isTold(from), 'and that is told')
  t.equal(upstream.job(held.id).state, 'running')
})

t.test('a job reads and finishes no other job', async t => {
  const set = { token, body: { key: 'secret', value: 'of the other' } }
  await exec('container-0', 'sh', '-c', call('set', `/jobs/${held.id}/data/set`, set))
  t.equal(upstream.metaData(held.buildId).get('secret'), 'of the other')
  const own = '$BUILDKITE_AGENT_ACCESS_TOKEN'
  const artifacts = `/builds/${held.buildId}/artifacts/search?query=%2A`
  const command = [
    call('own', '/jobs/$BUILDKITE_JOB_ID/data/get', { token: own }),
    call('read', `/jobs/${held.id}/data/get`, { token: own }),
    call('state', `/jobs/${held.id}`, { token: own, method: 'GET' }),
    call('finish', `/jobs/${held.id}/finish`, { token: own, method: 'PUT', body: finish }),
    call('artifacts', artifacts, { token: own, method: 'GET' }),
  ].join('\n')
  const { jobs } = await world.run(JSON.stringify({ steps: [{ command }] }))
  const said = answers(jobs[0]?.log ?? '')
  t.equal(said['own'], '404', 'what is its own is reached', { log: jobs[0]?.log })
  for (const what of ['read', 'state', 'finish', 'artifacts']) t.match(said[what], refused, what)
  t.equal(upstream.job(held.id).state, 'running')
})

t.test(
  "the job's token is good for nothing when it has ended, not even in its own pod",
  async t => {
    const from = world.spawner.log.length
    await exec('container-0', 'touch', '/workspace/go')
    const job = await world.until(held.id, isOver, 'the end of the job')
    t.match(job, { state: 'finished', exitStatus: 3, finishCount: 1 }, 'the job ends as it ends')
    const names = pod.spec?.initContainers?.map(({ name }) => name) ?? []
    const name = names.find(name => name.startsWith('sidecar')) ?? ''
    const log = await eventually('the last call of the sidecar', async () => {
      const text = await kubectl(['logs', podName, ...inJobs, '-c', name])
      return /^finish /m.test(text) ? text : undefined
    })
    const said = answers(log)
    t.equal(said['before'], '200', 'good while the job runs', { log })
    for (const what of ['after1', 'after2', 'after3']) t.match(said[what], refused, what)
    t.match(said['finish'], /^4(01|03|22)$/, 'what is over is not finished again')
    t.ok(isTold(from), 'and that is told')
    t.equal(upstream.job(held.id).exitStatus, 3)
  },
)
