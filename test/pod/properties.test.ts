// What must hold of any pod, whatever authors and operators say. A failure prints the seed and the smallest case that
// fails; SEED=… runs another.
import assert from 'node:assert/strict'
import type { V1Container, V1Job, V1PodSpec } from '@kubernetes/client-node'
import fc from 'fast-check'
import t from 'tap'
import { isProblem } from '../../lib/errors.js'
import { buildJob } from '../../lib/pod/build.js'
import { checkoutParams } from '../../lib/pod/containers/checkout-params.js'
import { mountedAt } from '../../lib/pod/containers/volumes.js'
import { jobInputs, type JobInputs } from '../../lib/pod/given/inputs.js'
import { layers } from '../../lib/pod/layers.js'
import { isLabelValue, isMetadataKey } from '../../lib/kubernetes-names.js'
import { jobName } from '../../lib/pod/metadata.js'
import { kubernetesPlugin } from '../../lib/pod/given/plugin.js'
import type { PodSettings } from '../../lib/pod/given/settings.js'
import { validCases } from './arbitraries.js'
import { pluginKey, type PodCase } from './arbitrary/case.js'
import { oddCases, pluginTexts } from './odd-arbitraries.js'
import { podSettings } from './settings.js'

const seed = Number(process.env['SEED'] ?? 20_261_121)
t.comment(`seed ${seed}`)

t.test('what Kubernetes would take becomes a pod, and never a problem', async t => {
  holds(t, validCases, 150, one => {
    const { job, inputs, settings } = built(one)
    stands(job, inputs, settings)
    mountsHaveVolumes(podOf(job))
  })
})

t.test('whatever fits the schemas becomes a pod that can run, or a problem', async t => {
  let pods = 0
  holds(t, oddCases, 300, one => {
    const result = builtUnlessProblem(one)
    if (!result) return
    pods += 1
    stands(result.job, result.inputs, result.settings)
  })
  t.ok(pods > 30, `there are pods among them: ${pods}`)
})

t.test('the same input gives the same bytes, and is left as it was', async t => {
  holds(t, validCases, 40, ({ job, settings }) => {
    const before = JSON.stringify([job, settings])
    const texts = [1, 2, 3].map(() => JSON.stringify(buildJob(jobInputs(job), frozen(settings))))
    assert.equal(new Set(texts).size, 1)
    assert.equal(JSON.stringify([job, settings]), before)
  })
})

t.test('the last layer is the Job, and each but the first changes something', async t => {
  holds(t, validCases, 40, ({ job, settings }) => {
    const inputs = jobInputs(job)
    const texts = layers(inputs, settings).map(layer => JSON.stringify(layer.job))
    assert.equal(texts.at(-1), JSON.stringify(buildJob(inputs, settings)))
    for (const [index, text] of texts.entries()) assert.notEqual(text, texts[index + 1])
  })
})

t.test('a list of plugins of any shape is read, or a problem', async t => {
  holds(t, pluginTexts, 400, text => {
    try {
      kubernetesPlugin(text)
    } catch (error) {
      if (!isProblem(error)) throw error
    }
  })
})

t.test('objects that are not as Kubernetes wants them become a pod, or a problem', async t => {
  const odd = fc.constantFrom<unknown>({}, { name: 'a' }, { image: 'a' }, null, 5, 'a', { name: 5 })
  const bare = fc.oneof(
    { weight: 3, arbitrary: fc.array(fc.constantFrom({}, { name: 'a' })) },
    { weight: 1, arbitrary: fc.array(odd, { maxLength: 2 }) },
  )
  const container = fc.record(
    { name: fc.constant('container-0'), env: bare, command: bare, volumeMounts: bare, image: odd },
    { requiredKeys: ['name'] },
  )
  const containers = fc.oneof(bare, fc.array(container, { maxLength: 2 }))
  const pod = fc.record(
    { containers, initContainers: containers, volumes: bare, tolerations: bare },
    { requiredKeys: [] },
  )
  const plugin = fc.record(
    { podSpec: pod, podSpecPatch: pod, sidecars: containers, extraVolumeMounts: bare },
    { requiredKeys: [] },
  )
  const check = { limits: {} }
  const cases = fc.tuple(plugin, fc.constantFrom(check, undefined)).map(([body, imageCheck]) => ({
    job: {
      id: 'a',
      env: { BUILDKITE_PLUGINS: JSON.stringify([{ [pluginKey]: body }]) },
      chunks_max_size_bytes: 1,
    },
    settings: { ...podSettings, imageCheck },
  }))
  holds(t, cases, 300, one => {
    const result = builtUnlessProblem(one)
    if (result) assert.match(JSON.stringify(result.job), /kubernetes-bootstrap/)
  })
})

t.test('any id makes the name of a Job, with any prefix that we allow', async t => {
  const prefix = fc.stringMatching(/^[a-z]([a-z0-9-]{0,18}[a-z0-9-])?$/)
  holds(t, fc.tuple(fc.string({ maxLength: 100 }), prefix), 300, ([id, begin]) => {
    assert.match(jobName(id, begin), /^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/)
  })
})

function holds<T>(
  t: { pass: (text: string) => void },
  cases: fc.Arbitrary<T>,
  numRuns: number,
  check: (one: T) => void,
): void {
  fc.assert(fc.property(cases, check), { seed, numRuns })
  t.pass(`${numRuns} cases`)
}

interface Built {
  job: V1Job
  inputs: JobInputs
  settings: PodSettings
}

function built({ job, settings }: PodCase): Built {
  const inputs = frozen(jobInputs(frozen(job)))
  return { job: buildJob(inputs, frozen(settings)), inputs, settings }
}

function builtUnlessProblem(one: PodCase): Built | undefined {
  try {
    return built(one)
  } catch (error) {
    if (isProblem(error)) return undefined
    throw error
  }
}

function stands(job: V1Job, inputs: JobInputs, settings: PodSettings): void {
  const pod = podOf(job)
  const all = [...(pod.initContainers ?? []), ...pod.containers]
  assert.equal(new Set(all.map(({ name }) => name)).size, all.length, 'names are unique')
  oursAreThere(pod, inputs, settings)
  agentLeads(pod)
  agentIsTold(pod, inputs, settings)
  metadataIsLegal(job)
  assert.equal(pod.restartPolicy, 'Never')
  onlyTheAgentHasItsToken(pod)
  assert.deepEqual(JSON.parse(JSON.stringify(job)), job, 'all of it is JSON')
}

function oursAreThere(pod: V1PodSpec, inputs: JobInputs, settings: PodSettings): void {
  const skips = checkoutParams(inputs, settings).skip === true
  const names = pod.containers.map(({ name }) => name)
  assert.deepEqual(names.slice(0, 2), ['agent', skips ? names[1] : 'checkout'])
  assert.equal(names.includes('checkout'), !skips)
  assert.equal(pod.initContainers?.[0]?.name, 'copy-agent')
  const commands = led(pod).filter(({ name }) => name !== 'checkout')
  assert.ok(commands.length > 0, 'there is a command container')
  for (const container of commands) {
    assert.deepEqual(container.command, ['/workspace/tini-static'])
    assert.notEqual(variable(container, 'BUILDKITE_COMMAND'), undefined)
  }
  for (const container of [pod.initContainers[0], pod.containers[0], ...led(pod)]) {
    const paths = container?.volumeMounts?.map(({ mountPath }) => mountedAt(mountPath)) ?? []
    assert.ok(paths.includes('/workspace'), `${container?.name} has the workspace`)
    assert.equal(new Set(paths).size, paths.length, `${container?.name}: mounts differ in path`)
  }
}

function onlyTheAgentHasItsToken(pod: V1PodSpec): void {
  const mounts = [...(pod.initContainers ?? []), ...pod.containers].flatMap(
    ({ name, volumeMounts = [] }) => volumeMounts.map(mount => ({ container: name, ...mount })),
  )
  const [mount, ...more] = mounts.filter(({ name }) => name === 'job-spawner-token')
  assert.deepEqual(more, [])
  const mountPath = '/var/run/job-spawner'
  assert.deepEqual(mount, {
    container: 'agent',
    name: 'job-spawner-token',
    mountPath,
    readOnly: true,
  })
  const volumes = JSON.stringify(pod.volumes)
  assert.equal(volumes.split('"audience":"job-spawner"').length, 2, 'one token for us')
}

function agentLeads(pod: V1PodSpec): void {
  const containers = led(pod)
  const ids = containers.map(container => variable(container, 'BUILDKITE_CONTAINER_ID')?.value)
  assert.deepEqual(
    ids,
    containers.map((_, index) => String(index)),
  )
  const agent = pod.containers[0]
  assert.equal(variable(agent, 'BUILDKITE_CONTAINER_COUNT')?.value, String(containers.length))
}

function agentIsTold(pod: V1PodSpec, inputs: JobInputs, settings: PodSettings): void {
  const agent = pod.containers[0]
  const config = settings.agentConfig ?? {}
  const wanted = {
    BUILDKITE_AGENT_ACQUIRE_JOB: inputs.id.replaceAll('$', () => '$$'),
    BUILDKITE_AGENT_ENDPOINT: settings.gatewayEndpoint,
    BUILDKITE_AGENT_TOKEN: 'file:///var/run/job-spawner/token',
    BUILDKITE_KUBERNETES_EXEC: 'true',
    ...(config['hooks-path'] ? { BUILDKITE_HOOKS_PATH: config['hooks-path'] } : {}),
    ...(config['no-plugins'] === undefined
      ? {}
      : { BUILDKITE_NO_PLUGINS: String(config['no-plugins']) }),
  }
  for (const [name, value] of Object.entries(wanted)) {
    assert.deepEqual(variable(agent, name), { name, value })
  }
  const volumes = new Map(pod.volumes?.map(one => [one.name, one]))
  for (const volume of [config.hooksVolume, config.verificationJWKSVolume]) {
    if (volume) assert.deepEqual(volumes.get(volume.name), volume, `${volume.name} is as it was`)
  }
}

function metadataIsLegal({ metadata, spec }: V1Job): void {
  assert.match(metadata?.name ?? '', /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/)
  assert.deepEqual(spec?.template.metadata?.labels, metadata?.labels)
  for (const [key, value] of Object.entries(metadata?.labels ?? {})) {
    assert.ok(isMetadataKey(key) && isLabelValue(value), `${key}: ${value}`)
  }
  for (const key of Object.keys(metadata?.annotations ?? {})) assert.ok(isMetadataKey(key), key)
}

function mountsHaveVolumes({ volumes = [], initContainers = [], containers }: V1PodSpec): void {
  const names = new Set(volumes.map(({ name }) => name))
  assert.equal(names.size, volumes.length, 'names of volumes are unique')
  for (const { name, volumeMounts = [] } of [...initContainers, ...containers]) {
    for (const mount of volumeMounts) assert.ok(names.has(mount.name), `${name}: ${mount.name}`)
  }
}

/** The containers that the pod agent leads. */
function led(pod: V1PodSpec): V1Container[] {
  return pod.containers.filter(
    ({ name, args }) => name === 'checkout' || args?.includes('kubernetes-bootstrap'),
  )
}

/** The one variable of that name. */
function variable(container: V1Container | undefined, name: string) {
  const found = container?.env?.filter(one => one.name === name) ?? []
  assert.ok(found.length <= 1, `${container?.name} has ${name} once`)
  return found[0]
}

function podOf(job: V1Job): V1PodSpec {
  const pod = job.spec?.template.spec
  if (!pod) throw new Error('a Job without a pod')
  return pod
}

/** The value, frozen to its depths: to write to it throws. */
function frozen<Value>(value: Value): Value {
  if (typeof value === 'object' && value !== null) Object.values(value).forEach(frozen)
  return Object.freeze(value)
}
