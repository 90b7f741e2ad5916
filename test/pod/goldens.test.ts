// Each case is a pair of files in goldens/: what upstream and the operator say, and what follows. The output of
// `minimal` is a whole Job; that of another case is how its Job differs from that one, or the error. `npm run snap`
// writes the outputs anew.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import type { V1Container, V1Job, V1PodSpec } from '@kubernetes/client-node'
import t, { type Test } from 'tap'
import { stringify } from 'yaml'
import type { Problem } from '../../lib/errors.js'
import { difference } from './difference.js'
import { folder, goldenCases, type GoldenCase } from './golden-cases.js'

const cases = goldenCases()
const minimal = jobOf(cases.find(({ name }) => name === 'minimal'))

for (const golden of cases) {
  t.test(`${golden.name}: ${golden.why}`, async t => {
    t.equal(golden.firstKey, 'why', 'an input begins with its reason')
    const [first, again] = [golden.build(), golden.build()]
    t.equal(yaml(first), yaml(again), 'built twice, the bytes are the same')
    keepOrCompare(t, golden.name, output(golden.name, first))
    if ('job' in first) meaning(t, first.job)
  })
}

t.test('there are cases, and each output belongs to one', async t => {
  const outputs = readdirSync(folder).filter(file => file.endsWith('.output.yaml'))
  const names = cases.map(({ name }) => name)
  t.same(outputs.map(file => file.replace('.output.yaml', '')).toSorted(), names)
})

t.test('an output fits a screen', async t => {
  for (const { name } of cases.filter(one => one.name !== 'minimal')) {
    const { length } = readFileSync(new URL(`${name}.output.yaml`, folder), 'utf8').split('\n')
    t.ok(length <= 84, `${name}: ${length} lines`)
  }
})

function output(name: string, result: { job: V1Job } | { problem: Problem }): string {
  if ('job' in result) {
    return yaml(name === 'minimal' ? result.job : (difference(minimal, result.job) ?? {}))
  }
  const { code, message, where, wanted, found, hint } = result.problem
  return yaml({ error: { code, message, where, wanted, found, hint } })
}

function jobOf(golden: GoldenCase | undefined): V1Job {
  const result = golden?.build()
  if (result && 'job' in result) return result.job
  throw new Error('there is no minimal Job')
}

function yaml(value: unknown): string {
  return stringify(value, { aliasDuplicateObjects: false, lineWidth: 0 })
}

function keepOrCompare(t: Test, name: string, text: string): void {
  const url = new URL(`${name}.output.yaml`, folder)
  if (t.writeSnapshot) writeFileSync(url, text)
  const golden = existsSync(url) ? readFileSync(url, 'utf8') : 'no such golden: run npm run snap'
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
  tokenStaysHome(t, pod)
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
  // What a patch adds is its author's whole business.
  if (!isManaged(container)) return
  t.ok(
    mounts.some(mount => mount.mountPath === '/workspace'),
    `${container.name} has the workspace`,
  )
}

function isManaged({ name, args }: V1Container): boolean {
  return (
    name === 'agent' ||
    /^(copy-agent|imagecheck-\d+|sidecar-\d+)$/.test(name) ||
    args?.includes('kubernetes-bootstrap') === true
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

function tokenStaysHome(t: Test, pod: V1PodSpec): void {
  const agent = pod.containers.find(({ name }) => name === 'agent')
  t.equal(variable(agent, 'BUILDKITE_AGENT_TOKEN'), 'file:///var/run/job-spawner/token')
  const having = containers(pod).filter(({ volumeMounts = [] }) =>
    volumeMounts.some(({ name }) => name === 'job-spawner-token'),
  )
  t.same(having, [agent], 'no other container has the token')
}

function containers(pod: V1PodSpec): V1Container[] {
  return [...(pod.initContainers ?? []), ...pod.containers]
}

function variable(container: V1Container | undefined, name: string): string | undefined {
  const found = container?.env?.filter(one => one.name === name) ?? []
  return found.length === 1 ? found[0]?.value : undefined
}
