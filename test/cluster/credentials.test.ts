import t, { type Test } from 'tap'
import { isOver } from '../harness/builds.js'
import { agentImage } from './harness/env.js'
import { podOf } from './harness/job-pods.js'
import { eventually, kubectl, kubectlJson } from './harness/kubectl.js'
import { runPod } from './harness/pod.js'
import { clusterToken, startWorld } from './harness/world.js'

// What a pod holds is good for that pod, for that job, until it ends.

const world = await startWorld(t)
const { upstream, namespaces, gatewayUrl } = world
const inJobs = ['-n', namespaces.jobs]

/** A job that waits, so that what it holds can be looked at. */
interface Held {
  id: string
  buildId: string
  pod: string
  /** What the job's own buildkite-agent calls carry. */
  token: string
  /** What the program prints in a container of the pod. */
  exec(container: string, ...command: string[]): Promise<string>
  /** Lets it end; it has then ended as it would have. */
  end(t: Test): Promise<void>
}

const holding = [
  'echo token $(printf %s "$BUILDKITE_AGENT_ACCESS_TOKEN" | base64 -w0) end',
  'while ! test -e /tmp/go; do sleep 0.2; done; exit 3',
].join('; ')

async function hold(): Promise<Held> {
  const { id, buildId } = world.begin(JSON.stringify({ steps: [{ command: holding }] }))
  const shown = /token (\S+) end\r*\n/
  const { log } = await world.until(id, job => shown.test(job.log), 'the token')
  const token = Buffer.from(shown.exec(log)?.[1] ?? '', 'base64').toString()
  const pod = (await podOf(world, id)).metadata?.name ?? ''
  const exec = (container: string, ...command: string[]) =>
    kubectl(['exec', pod, ...inJobs, '-c', container, '--', ...command])
  const end = async (t: Test) => {
    await exec('container-0', 'touch', '/tmp/go')
    const job = await world.until(id, isOver, 'the end of the job')
    t.match(job, { state: 'finished', exitStatus: 3, finishCount: 1 }, 'the job ends as it ends')
  }
  return { id, buildId, pod, token, exec, end }
}

/** A call of the gateway, as curl's arguments: it prints the status. */
function curl(method: string, path: string, token: string, body: object = {}): string[] {
  const headers = [`Authorization: Token ${token}`, 'Content-Type: application/json']
  const data = ['-X', method, '-d', JSON.stringify(body)]
  const answer = ['-sS', '-m', '20', '-o', '/dev/null', '-w', '%{http_code}']
  return ['curl', ...answer, ...headers.flatMap(one => ['-H', one]), ...data, gatewayUrl + path]
}

async function fromAnotherPod(command: string[]): Promise<string> {
  return (await runPod(namespaces.jobs, { image: agentImage, command })).log
}

const refused = /^40[13]$/
const finish = {
  exit_status: '0',
  signal: '',
  signal_reason: '',
  finished_at: '2026-01-01T00:00:00Z',
}

/** Whether the spawner has logged, from that line on, that it refused a call that named that job. */
function isTold(from: number, jobId: string): boolean {
  const told = world.spawner.log.slice(from).filter(({ msg }) => msg === 'call refused')
  return told.some(({ path }) => String(path).includes(jobId))
}

t.test("a job's token is refused from another pod's address", async t => {
  const held = await hold()
  const read = `/v3/jobs/${held.id}/data/get`
  t.equal(await held.exec('container-0', ...curl('POST', read, held.token, { key: 'x' })), '404')
  const from = world.spawner.log.length
  t.match(await fromAnotherPod(curl('POST', read, held.token, { key: 'x' })), refused)
  t.ok(isTold(from, held.id), 'and that is told')
  const path = `/v3/jobs/${held.id}/finish`
  t.match(await fromAnotherPod(curl('PUT', path, held.token, finish)), refused)
  t.equal(upstream.job(held.id).state, 'running')
  await held.end(t)
})

t.test("a pod's own proof is in its agent container only, and nobody else's", async t => {
  const held = await hold()
  const file = '/var/run/job-spawner/token'
  const proof = (await held.exec('agent', 'cat', file)).trim()
  t.match(proof, /^ey/, 'a service account token')
  await t.rejects(held.exec('container-0', 'cat', file), /No such file/)
  const body = { name: 'impostor', version: '3.137.0', build: '1', hostname: 'x', arch: 'amd64' }
  const register = (token: string) => fromAnotherPod(curl('POST', '/v3/register', token, body))
  t.match(await register(proof), refused, 'of this pod, from another one')
  const create = ['create', 'token', 'default', ...inJobs]
  t.match(await register((await kubectl(create)).trim()), refused, 'for the API server')
  const ours = [...create, '--audience=job-spawner']
  t.match(await register((await kubectl(ours)).trim()), refused, 'of no pod')
  await held.end(t)
})

t.test('a job reads and finishes no other job', async t => {
  const held = await hold()
  await held.exec(
    'container-0',
    ...curl('POST', `/v3/jobs/${held.id}/data/set`, held.token, {
      key: 'secret',
      value: 'of the other',
    }),
  )
  t.equal(upstream.metaData(held.buildId).get('secret'), 'of the other')
  const call = `curl -s -o /dev/null -w '%{http_code}' -H "Authorization: Token $BUILDKITE_AGENT_ACCESS_TOKEN" -H 'Content-Type: application/json'`
  const other = `$BUILDKITE_AGENT_ENDPOINT/jobs/${held.id}`
  const { jobs } = await world.run(
    JSON.stringify({
      steps: [
        {
          command: [
            `echo own $(${call} -d '{"key":"x"}' $BUILDKITE_AGENT_ENDPOINT/jobs/$BUILDKITE_JOB_ID/data/get)`,
            `echo read $(${call} -d '{"key":"secret"}' ${other}/data/get)`,
            `echo state $(${call} ${other})`,
            `echo finish $(${call} -X PUT -d '${JSON.stringify(finish)}' ${other}/finish)`,
            `echo cli $(buildkite-agent meta-data get secret --job ${held.id} 2>/dev/null || echo refused)`,
            `echo artifacts $(buildkite-agent artifact search '*' --build ${held.buildId} 2>&1 | grep -cE '40[13]')`,
          ].join('\n'),
        },
      ],
    }),
  )
  const said = (what: string) =>
    new RegExp(`^${what} (\\S+)\r*$`, 'm').exec(jobs[0]?.log ?? '')?.[1]
  t.equal(said('own'), '404', 'what is its own is reached', { log: jobs[0]?.log })
  for (const what of ['read', 'state', 'finish']) t.match(said(what), refused, what)
  t.equal(said('cli'), 'refused')
  t.not(said('artifacts'), '0')
  t.equal(upstream.job(held.id).state, 'running')
  await held.end(t)
})

t.test("a job's token is good for nothing when the job has ended", async t => {
  const held = await hold()
  await held.end(t)
  const from = world.spawner.log.length
  for (const [method, path] of [
    ['POST', 'data/get'],
    ['PUT', 'finish'],
    ['PUT', 'start'],
  ] as const) {
    const status = await fromAnotherPod(curl(method, `/v3/jobs/${held.id}/${path}`, held.token))
    t.match(status, refused, path)
  }
  t.ok(isTold(from, held.id), 'and that is told')
})

t.test('not even in its own pod', async t => {
  const call = '{"key":"x"}'
  const url = `${gatewayUrl}/v3/jobs/$(cat /workspace/id)/data/get`
  const answer = `curl -s -o /dev/null -w '%{http_code}\\n' -H "Authorization: Token $(cat /workspace/token)"`
  const again = [
    'trap "" TERM',
    'until test -s /workspace/token; do sleep 0.1; done',
    `for i in $(seq 60); do ${answer} -H 'Content-Type: application/json' -d '${call}' ${url}; sleep 0.1; done`,
  ].join('; ')
  const command = [
    'printf %s "$BUILDKITE_JOB_ID" > /workspace/id',
    'printf %s "$BUILDKITE_AGENT_ACCESS_TOKEN" > /workspace/token',
    'sleep 2',
  ].join('; ')
  const sidecars = [{ image: agentImage, command: ['sh', '-c', again] }]
  const { id } = world.begin(
    JSON.stringify({ steps: [{ command, plugins: [{ kubernetes: { sidecars } }] }] }),
  )
  await world.until(id, isOver, 'the end of the job')
  const pod = await podOf(world, id)
  const name = pod.metadata?.name ?? ''
  await eventually('the end of the pod', async () => {
    const { status } = await podOf(world, id)
    return /Succeeded|Failed/.test(status?.phase ?? '') || undefined
  })
  const sidecar = pod.spec?.initContainers?.find(({ command: own }) => own?.includes(again))
  const log = await kubectl(['logs', name, ...inJobs, '-c', sidecar?.name ?? 'sidecar-0'])
  const statuses = log.trim().split('\n')
  t.equal(statuses[0], '404', 'good while the job runs', { log })
  t.match(statuses.at(-1), refused, 'and refused when it has ended', { log })
})

t.test("what is Buildkite's is nowhere that a job can look", async t => {
  const held = await hold()
  const kinds = 'jobs,pods,events,secrets,configmaps,serviceaccounts'
  const environments = (container: string) =>
    held.exec(
      container,
      'sh',
      '-c',
      'cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline 2>/dev/null; true',
    )
  const places = {
    'the objects of the namespace': JSON.stringify(await kubectlJson(['get', kinds, ...inJobs])),
    "the command's environment": await environments('container-0'),
    "the agent's environment": await environments('agent'),
    "the containers' logs": await kubectl(['logs', held.pod, ...inJobs, '--all-containers']),
    "the job's log": upstream.job(held.id).rawLog.toString(),
    "the spawner's log": JSON.stringify(world.spawner.log),
  }
  t.match(places["the command's environment"], held.token, 'what is there is found')
  for (const [place, text] of Object.entries(places)) {
    t.notOk(text.includes(clusterToken), `no cluster token in ${place}`)
    // The emulator's tokens: of an agent's session, and of a job.
    t.notMatch(text, /bka[aj]_[0-9a-f]{48}/, `no token of upstream's in ${place}`)
  }
  t.notOk(places['the objects of the namespace'].includes(held.token), 'nor ours in an object')
  t.notOk(places["the spawner's log"].includes(held.token), "nor ours in the spawner's log")
  await held.end(t)
})
