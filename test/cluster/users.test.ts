import type { V1Pod } from '@kubernetes/client-node'
import t, { type Test } from 'tap'
import { logs } from '../harness/builds.js'
import { jobImage } from './harness/env.js'
import { startGitServer } from './harness/git-server.js'
import { buildNonRootImage, hasRootfs, nonRootImage } from './harness/job-images.js'
import { containersOf, podOf } from './harness/job-pods.js'
import { onlyJob, printed, stepWith } from './harness/steps.js'
import { startWorld } from './harness/world.js'

// Jobs of users that are not root.

t.jobs = 2
const { url: repo, branch, commit } = await startGitServer(t, { 'hello.txt': 'from git\n' })
const ordinary = await startWorld(t)
const checkout = { repo, branch, commit }

const command = [
  'echo "user $(id -u)"',
  'cat hello.txt',
  'echo made > made.txt',
  'echo shared > /workspace/shared.txt',
  'buildkite-agent artifact upload made.txt',
]
const nobodyIsRoot = { runAsUser: 1000, runAsGroup: 1000, runAsNonRoot: true }

/** That no container of the pod is root's, by what the pod says and by what the kubelet made of it. */
function noRoot(t: Test, pod: V1Pod): void {
  for (const container of containersOf(pod)) {
    const { runAsUser, runAsNonRoot } = {
      ...pod.spec?.securityContext,
      ...container.securityContext,
    }
    t.match({ runAsUser, runAsNonRoot }, { runAsUser: 1000, runAsNonRoot: true }, container.name)
  }
  const statuses = [
    ...(pod.status?.initContainerStatuses ?? []),
    ...(pod.status?.containerStatuses ?? []),
  ]
  t.ok(
    statuses.every(({ user }) => user?.linux === undefined || user.linux.uid === 1000),
    'no container ran as root',
  )
}

t.test(
  'a pod whose user is 1000 clones, runs and uploads, and nothing in it is root',
  { buffered: true },
  async t => {
    const step = stepWith({
      podSpec: { securityContext: nobodyIsRoot, containers: [{ image: jobImage, command }] },
    })
    const build = await ordinary.run(step, checkout)
    t.equal(build.state, 'passed', logs(build))
    const log = printed(onlyJob(build))
    t.ok(log.includes('user 1000') && log.includes('from git'), logs(build))
    t.match(ordinary.upstream.artifacts(build.id), [{ path: 'made.txt', state: 'finished' }])
    noRoot(t, await podOf(ordinary, onlyJob(build).id))
  },
)

t.test(
  'the same by a patch: the operator or the step may say it late',
  { buffered: true },
  async t => {
    const step = stepWith(
      { podSpecPatch: { securityContext: nobodyIsRoot } },
      { command, artifact_paths: 'made.txt' },
    )
    const build = await ordinary.run(step, checkout)
    t.equal(build.state, 'passed', logs(build))
    t.ok(printed(onlyJob(build)).includes('user 1000'))
    noRoot(t, await podOf(ordinary, onlyJob(build).id))
  },
)

t.test(
  'an image that is not root reads a checkout which is, writes in the workspace and uploads',
  { buffered: true, skip: !hasRootfs() && 'the image is made of the cluster tools’ own files' },
  async t => {
    await buildNonRootImage()
    const container = {
      image: nonRootImage,
      command: [...command.slice(0, 2), 'cd /workspace', ...command.slice(2)],
    }
    const build = await ordinary.run(stepWith({ podSpec: { containers: [container] } }), checkout)
    t.equal(build.state, 'passed', logs(build))
    const log = printed(onlyJob(build))
    t.ok(log.includes('user 1000') && log.includes('from git'), logs(build))
    t.match(ordinary.upstream.artifacts(build.id), [{ path: 'made.txt', state: 'finished' }])
  },
)

t.test(
  'a namespace that takes only restricted pods takes ours, when the operator says so once',
  { buffered: true },
  async t => {
    const hardened = {
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
      seccompProfile: { type: 'RuntimeDefault' },
    }
    const world = await startWorld(t, {
      labels: { 'pod-security.kubernetes.io/enforce': 'restricted' },
      maxInFlight: 1,
      flags: { 'image-check': 'true' },
      config: {
        'pod-spec-patch': {
          securityContext: { ...nobodyIsRoot, seccompProfile: { type: 'RuntimeDefault' } },
          initContainers: [{ name: 'copy-agent', securityContext: hardened }],
          containers: ['agent', 'checkout', 'container-0'].map(name => ({
            name,
            securityContext: hardened,
          })),
        },
      },
    })
    const build = await world.run(
      stepWith({ podSpec: { containers: [{ image: jobImage, command }] } }),
      checkout,
    )
    t.equal(build.state, 'passed', logs(build))
    t.ok(printed(onlyJob(build)).includes('user 1000'))
    noRoot(t, await podOf(world, onlyJob(build).id))

    const loose = await world.run(
      stepWith(
        {
          podSpecPatch: {
            containers: [{ name: 'container-0', securityContext: { privileged: true } }],
          },
        },
        { command: 'echo never' },
      ),
      checkout,
    )
    t.match(onlyJob(loose), { state: 'finished', exitStatus: -1, finishCount: 1 })
    t.match(onlyJob(loose).log, /PodSecurity|violates|privileged/, 'and names what it refuses')
  },
)
