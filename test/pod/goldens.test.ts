// Each case is a pair of files in goldens/: what upstream and the operator say, and the Job (or the error) that
// follows. `tap --snapshot` writes the outputs anew. In an input `plugin` is the kubernetes plugin's body, as a
// pipeline's author writes it; a case that is about BUILDKITE_PLUGINS itself sets that in `job.env`.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import type { V1Container, V1Job, V1PodSpec } from '@kubernetes/client-node'
import t, { type Test } from 'tap'
import { parse, stringify } from 'yaml'
import { isProblem } from '../../lib/errors.js'
import { buildJob, type PodSettings } from '../../lib/pod/build.js'
import { jobInputs } from '../../lib/pod/inputs.js'
import type { AgentJob } from '../../lib/types/agent-job.js'

interface Case {
  why: string
  job: Pick<AgentJob, 'id' | 'env'>
  plugin?: unknown
  settings?: Partial<PodSettings>
}

const folder = new URL('goldens/', import.meta.url)
const pluginKey = 'github.com/buildkite-plugins/kubernetes-buildkite-plugin'
const token = 'token-of-one-run'
const settings: PodSettings = {
  instance: 'golden',
  namespace: 'buildkite',
  agentImage: 'buildkite/agent:3',
  jobTtlSeconds: 600,
  gatewayEndpoint: 'http://gateway.example:8480/v3',
  token,
}

const names = readdirSync(folder)
  .filter(file => file.endsWith('.input.yaml'))
  .map(file => file.replace('.input.yaml', ''))

for (const name of names) {
  const input = parse(readFileSync(new URL(`${name}.input.yaml`, folder), 'utf8')) as Case
  t.test(`${name}: ${input.why}`, async t => {
    t.equal(Object.keys(input)[0], 'why', 'an input begins with its reason')
    const [first, again] = [output(input), output(input)]
    t.equal(first.text, again.text, 'built twice, the bytes are the same')
    keepOrCompare(t, name, first.text)
    if (first.job) meaning(t, first.job)
  })
}

t.test('there are cases, and each output belongs to one', async t => {
  const outputs = readdirSync(folder).filter(file => file.endsWith('.output.yaml'))
  t.ok(names.length >= 12)
  t.same(outputs.map(file => file.replace('.output.yaml', '')).toSorted(), names.toSorted())
})

function output(input: Case): { text: string; job?: V1Job } {
  const { job, run } = frozen({ job: acceptedJob(input), run: { ...settings, ...input.settings } })
  try {
    const built = buildJob(frozen(jobInputs(job)), run)
    return { text: yaml(built), job: built }
  } catch (error) {
    if (!isProblem(error)) throw error
    const { code, message, where, wanted, found, hint } = error
    return { text: yaml({ error: { code, message, where, wanted, found, hint } }) }
  }
}

function acceptedJob({ job, plugin }: Case): AgentJob {
  const env = { ...job.env }
  if (plugin !== undefined) env['BUILDKITE_PLUGINS'] = JSON.stringify([{ [pluginKey]: plugin }])
  return { id: job.id, env, chunks_max_size_bytes: 102_400 }
}

function yaml(value: unknown): string {
  return stringify(value, { aliasDuplicateObjects: false, lineWidth: 0 })
}

function keepOrCompare(t: Test, name: string, text: string): void {
  const url = new URL(`${name}.output.yaml`, folder)
  if (t.writeSnapshot) writeFileSync(url, text)
  const golden = existsSync(url) ? readFileSync(url, 'utf8') : 'no such golden: run tap --snapshot'
  t.same(text.split('\n'), golden.split('\n'), `is as in ${name}.output.yaml`)
}

/** What must hold of every Job, whatever its golden says. */
function meaning(t: Test, job: V1Job): void {
  const pod = job.spec?.template.spec
  if (!pod) throw new Error('a Job without a pod')
  legalMetadata(t, job)
  for (const container of containers(pod)) mountsFit(t, pod, container)
  const unique = new Set(containers(pod).map(({ name }) => name))
  t.equal(unique.size, containers(pod).length, 'container names are unique')
  agentCounts(t, pod)
  tokenStaysHome(t, job)
}

function legalMetadata(t: Test, job: V1Job): void {
  const { name = '', labels = {} } = job.metadata ?? {}
  t.match(name, /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, 'the name is a DNS label')
  t.same(job.spec?.template.metadata?.labels, labels, 'the pod has the labels of the Job')
  for (const [key, value] of Object.entries(labels)) {
    t.match(key, /^([a-z0-9.-]{1,253}\/)?[A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?$/, key)
    t.match(value, /^([A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?)?$/, `the value of ${key}`)
  }
}

function mountsFit(t: Test, pod: V1PodSpec, container: V1Container): void {
  const volumes = new Set(pod.volumes?.map(({ name }) => name))
  const mounts = container.volumeMounts ?? []
  for (const mount of mounts) t.ok(volumes.has(mount.name), `${container.name}: ${mount.name}`)
  t.equal(new Set(mounts.map(mount => mount.mountPath)).size, mounts.length, 'paths differ')
  t.ok(
    mounts.some(mount => mount.mountPath === '/workspace'),
    'the workspace is everywhere',
  )
}

function agentCounts(t: Test, pod: V1PodSpec): void {
  const led = pod.containers.filter(({ args }) => args?.includes('kubernetes-bootstrap'))
  const agent = pod.containers.find(({ name }) => name === 'agent')
  t.equal(pod.containers[0], agent, 'the agent comes first')
  t.equal(variable(agent, 'BUILDKITE_CONTAINER_COUNT'), String(led.length))
  t.same(
    led.map(container => variable(container, 'BUILDKITE_CONTAINER_ID')),
    led.map((_, index) => String(index)),
    'ids are counted in the order of the list',
  )
  for (const container of led) {
    if (variable(container, 'BUILDKITE_BOOTSTRAP_PHASES') !== 'plugin,command') continue
    t.type(variable(container, 'BUILDKITE_COMMAND'), 'string', `${container.name} has a command`)
  }
  const sockets = led.map(container => variable(container, 'BUILDKITE_SOCKETS_PATH'))
  t.equal(new Set(sockets).size, led.length, 'each has its own sockets')
}

function tokenStaysHome(t: Test, job: V1Job): void {
  const places = JSON.stringify(job).split(token).length - 1
  const agent = job.spec?.template.spec?.containers.find(({ name }) => name === 'agent')
  t.equal(variable(agent, 'BUILDKITE_AGENT_TOKEN'), token)
  t.equal(places, 1, 'the token is nowhere else')
}

function containers(pod: V1PodSpec): V1Container[] {
  return [...(pod.initContainers ?? []), ...pod.containers]
}

function variable(container: V1Container | undefined, name: string): string | undefined {
  const found = container?.env?.filter(one => one.name === name) ?? []
  return found.length === 1 ? found[0]?.value : undefined
}

/** The value, frozen to its depths: to write to it throws. */
function frozen<Value>(value: Value): Value {
  if (typeof value === 'object' && value !== null) Object.values(value).forEach(frozen)
  return Object.freeze(value)
}
