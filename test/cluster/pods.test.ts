import t from 'tap'
import { logs } from '../harness/builds.js'
import { jobImage } from './harness/env.js'
import { addObject, containerOf, podOf, podsOf } from './harness/job-pods.js'
import { eventually, kubectlJson } from './harness/kubectl.js'
import { onlyJob, printed, stepWith } from './harness/steps.js'
import { startWorld } from './harness/world.js'

// What a step and an operator say of the pod, as it is seen in the pod.

t.jobs = 4
const world = await startWorld(t, {
  config: {
    'resource-classes': {
      small: {
        resource: { limits: { memory: '128Mi' } },
        nodeSelector: { 'kubernetes.io/os': 'linux' },
      },
      usual: {
        resource: { limits: { memory: '256Mi' } },
      },
    },
    'default-resource-class-name': 'usual',
    'pod-spec-patch': {
      containers: [
        {
          name: 'container-0',
          env: [
            { name: 'FROM_OPERATOR', value: 'kept' },
            { name: 'DROPPED', value: 'still here' },
          ],
        },
      ],
    },
  },
})

const never = { state: 'finished', exitStatus: -1, finishCount: 1 } as const
const showMemory =
  'cat /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null || cat /sys/fs/cgroup/memory.max'

async function jobsMadeFor(jobId: string): Promise<number> {
  const selector = ['-l', `buildkite.com/job-uuid=${jobId}`]
  const list = ['get', 'jobs', '-n', world.namespaces.jobs, ...selector]
  return (await kubectlJson<{ items: object[] }>(list)).items.length
}

t.test(
  "the step's patch goes over the operator's: variables, image, command, and what it deletes",
  { buffered: true },
  async t => {
    const container = {
      name: 'container-0',
      image: jobImage,
      command: ['echo "patched: $FROM_OPERATOR, $ADDED, ${DROPPED:-gone}"', 'ls -l /bin/sh'],
      env: [
        { name: 'ADDED', value: 'added' },
        { name: 'DROPPED', $patch: 'delete' },
      ],
    }
    const build = await world.run(
      stepWith({ podSpecPatch: { containers: [container] } }, { command: 'echo not this' }),
    )
    t.equal(build.state, 'passed', logs(build))
    const log = printed(onlyJob(build))
    t.ok(log.includes('patched: kept, added, gone'), logs(build))
    t.match(logs(build), /\/bin\/sh -> busybox/, "in the patch's image")
    t.notOk(log.includes('not this'))
  },
)

t.test(
  "the operator's patch of container-0 does no harm to a pod that has none",
  { buffered: true },
  async t => {
    const containers = [{ name: 'test', image: jobImage, command: ['echo "own name"'] }]
    const build = await world.run(stepWith({ podSpec: { containers } }))
    t.equal(build.state, 'passed', logs(build))
    t.ok(printed(onlyJob(build)).includes('own name'), logs(build))
    const patch = { containers: [{ name: 'container-0', env: [{ name: 'A', value: 'b' }] }] }
    const step = await world.run(stepWith({ podSpec: { containers }, podSpecPatch: patch }))
    t.match(onlyJob(step), never, logs(step))
    t.match(logs(step), /container-0[^]*agent, checkout, test/, 'it is told which there are')
  },
)

t.test('a pod without any grace runs its job', { buffered: true }, async t => {
  const build = await world.run(
    stepWith(
      { podSpec: { terminationGracePeriodSeconds: 0 } },
      { image: jobImage, command: 'echo "no grace"' },
    ),
  )
  t.equal(build.state, 'passed', logs(build))
  t.ok(printed(onlyJob(build)).includes('no grace'), logs(build))
})

t.test("a patch of the agent container's command is refused", { buffered: true }, async t => {
  const build = await world.run(
    stepWith(
      { podSpecPatch: { containers: [{ name: 'agent', command: ['sh', '-c', 'sleep 1'] }] } },
      { command: 'echo never' },
    ),
  )
  t.match(onlyJob(build), never)
  t.match(logs(build), /pod spec patch[^]*agent[^]*command/)
  t.match(
    logs(build),
    /allow-pod-spec-patch-unsafe-command-modification/,
    'and says who may allow it',
  )
  t.equal(await jobsMadeFor(onlyJob(build).id), 0, 'before there is a Job')
})

t.test('a pod template is where the pod starts from', { buffered: true }, async t => {
  await addObject(world, {
    apiVersion: 'v1',
    kind: 'PodTemplate',
    metadata: { name: 'golden' },
    template: {
      spec: {
        containers: [
          {
            name: 'container-0',
            image: jobImage,
            env: [{ name: 'FROM_TEMPLATE', value: 'of the template' }],
          },
        ],
      },
    },
  })
  const build = await world.run(
    stepWith({ podTemplate: 'golden' }, { command: 'echo "$FROM_TEMPLATE"; ls -l /bin/sh' }),
  )
  t.equal(build.state, 'passed', logs(build))
  t.ok(printed(onlyJob(build)).includes('of the template'), logs(build))
  t.match(logs(build), /\/bin\/sh -> busybox/)
})

t.test('a pod template that is not there is named', { buffered: true }, async t => {
  const build = await world.run(stepWith({ podTemplate: 'no-such-template' }, { command: 'true' }))
  t.match(onlyJob(build), never)
  t.match(logs(build), /podTemplate[^]*no-such-template/)
})

t.test(
  'a resource class is the limit of the command and the place of the pod',
  { buffered: true },
  async t => {
    const image = jobImage
    const build = await world.run(
      JSON.stringify({
        steps: [
          { image, command: showMemory, plugins: [{ kubernetes: { resourceClass: 'small' } }] },
          { image, command: showMemory },
        ],
      }),
    )
    t.equal(build.state, 'passed', logs(build))
    const [small, usual] = build.jobs
    t.ok(small && printed(small).includes(String(128 * 2 ** 20)), small?.log ?? '')
    t.ok(usual && printed(usual).includes(String(256 * 2 ** 20)), usual?.log ?? '')
    const pods = await Promise.all([small, usual].map(job => podOf(world, job?.id ?? '')))
    t.same(
      pods.map(({ spec }) => spec?.nodeSelector),
      [{ 'kubernetes.io/os': 'linux' }, undefined],
    )
    for (const pod of pods) t.notOk(containerOf(pod, 'agent').resources?.limits, 'not of the agent')
  },
)

t.test(
  'a resource class that is not there is named with those that are',
  { buffered: true },
  async t => {
    const build = await world.run(stepWith({ resourceClass: 'smal' }, { command: 'true' }))
    t.match(onlyJob(build), never)
    t.match(logs(build), /resourceClass[^]*small[^]*usual[^]*"smal"/)
  },
)

t.test(
  'a sidecar that says when it is ready is ready for the command',
  { buffered: true },
  async t => {
    const sidecar = {
      image: jobImage,
      command: ['sh', '-c'],
      args: [
        'sleep 2; mkdir /tmp/www; echo served > /tmp/www/page; exec httpd -f -p 8098 -h /tmp/www',
      ],
      startupProbe: {
        httpGet: { path: '/page', port: 8098 },
        periodSeconds: 1,
        failureThreshold: 30,
      },
    }
    const build = await world.run(
      stepWith(
        { sidecars: [sidecar], podSpec: { terminationGracePeriodSeconds: 5 } },
        { image: jobImage, command: 'wget -qO- http://127.0.0.1:8098/page' },
      ),
    )
    t.equal(build.state, 'passed', logs(build))
    t.ok(printed(onlyJob(build)).includes('served'), 'at the first attempt')
    await podEnds(onlyJob(build).id)
  },
)

t.test(
  'a container that a patch adds runs beside, and the job ends without it',
  { buffered: true },
  async t => {
    const beside = {
      name: 'beside',
      image: jobImage,
      command: [
        'sh',
        '-c',
        'mkdir /tmp/www; echo beside > /tmp/www/page; httpd -f -p 8097 -h /tmp/www',
      ],
    }
    const wait =
      'for i in $(seq 50); do wget -qO- http://127.0.0.1:8097/page && exit 0; sleep 0.2; done; exit 1'
    const build = await world.run(
      stepWith(
        { podSpecPatch: { containers: [beside], terminationGracePeriodSeconds: 5 } },
        { image: jobImage, command: wait },
      ),
    )
    t.equal(build.state, 'passed', logs(build))
    t.ok(printed(onlyJob(build)).includes('beside'), logs(build))
    const [pod] = await podsOf(world, onlyJob(build).id)
    t.ok(pod?.spec?.containers.some(({ name }) => name === 'beside'))
  },
)

/** Waits until nothing of the job's pod runs any more, or it is gone. */
async function podEnds(jobId: string): Promise<void> {
  await eventually(
    'the end of the pod',
    async () => {
      const pods = await podsOf(world, jobId)
      return pods.every(({ status }) => /Succeeded|Failed/.test(status?.phase ?? '')) || undefined
    },
    45,
  )
}

t.test(
  'a bad image of a later container is refused before anything runs',
  { buffered: true },
  async t => {
    const checking = await startWorld(t, { maxInFlight: 1, flags: { 'image-check': 'true' } })
    const containers = [
      { image: jobImage, command: ['echo the first ran'] },
      { image: 'local/no-such-image:9', imagePullPolicy: 'Never', command: ['echo never'] },
    ]
    const bad = await checking.run(stepWith({ podSpec: { containers } }))
    t.match(onlyJob(bad), never, logs(bad))
    t.match(logs(bad), /no-such-image:9/)
    t.notOk(printed(onlyJob(bad)).includes('the first ran'))
    const good = await checking.run(stepWith({ podSpec: { containers: containers.slice(0, 1) } }))
    t.equal(good.state, 'passed', logs(good))
  },
)

t.test(
  'an image that is no image is refused before there is a Job',
  { buffered: true },
  async t => {
    const build = await world.run(
      JSON.stringify({ steps: [{ image: 'local/Busybox:1', command: 'true' }] }),
    )
    t.match(onlyJob(build), never)
    t.match(logs(build), /image[^]*container-0[^]*lower-case[^]*"local\/Busybox:1"/)
    t.equal(await jobsMadeFor(onlyJob(build).id), 0)
  },
)

t.test('a step for Windows is refused before there is a Job', { buffered: true }, async t => {
  const build = await world.run(
    stepWith(
      { podSpec: { nodeSelector: { 'kubernetes.io/os': 'windows' } } },
      { command: 'echo never' },
    ),
  )
  t.match(onlyJob(build), never)
  t.match(logs(build), /windows[^]*linux|linux[^]*windows/i)
  t.equal(await jobsMadeFor(onlyJob(build).id), 0)
})
