import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { hasComponents } from './harness/components.js'
import { jobImage } from './harness/env.js'
import { addObject, addSecret } from './harness/job-pods.js'
import { eventually } from './harness/kubectl.js'
import { stepWith } from './harness/steps.js'
import { startNeighbour, startStage, tells, type VerdictCase } from './harness/verdict-case.js'
import { containerIs } from './harness/watching.js'

// Pods that do not come to run their job: what is final ends at once, what may pass is told and borne.

t.jobs = 8

const stage = await startStage({
  maxInFlight: 16,
  flags: {
    'image-pull-backoff-grace-period': '5s',
    'pod-pending-timeout': '30s',
    'container-start-timeout': '40s',
  },
})
const { world } = stage
const neighbourEnds = await startNeighbour(stage)
const registry = await startRegistry()
const skip = !hasComponents() && 'the node is not this machine'

await addSecret(world, 'half', { here: 'x' })

/** A registry that answers each request for a manifest with the status that is the image's name. */
async function startRegistry(): Promise<string> {
  const server = createServer(({ url = '' }, answer) => {
    const status = Number(/^\/v2\/s(\d+)\//.exec(url)?.[1] ?? 200)
    answer.writeHead(status, { 'content-type': 'application/json' }).end('{}')
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

function step(fields: object, podSpec: object = {}, plugin: object = {}): string {
  const containers = [{ image: jobImage, command: ['true'], ...fields }]
  return stepWith({ podSpec: { containers, ...podSpec }, ...plugin })
}

function ofVolume(source: object): string {
  const volumeMounts = [{ name: 'data', mountPath: '/data' }]
  return step({ volumeMounts }, { volumes: [{ name: 'data', ...source }] })
}

const never = { exitStatus: -1, signalReason: 'process_run_error' } as const
const waited = { exitStatus: -1, signalReason: 'stack_error' } as const

const pullFailed: VerdictCase['said'] = (seen, id) =>
  seen.eventWas(id, /^Failed: Failed to pull image/)
const configError: VerdictCase['said'] = (seen, id) =>
  seen.podWas(id, containerIs('container-0', 'waiting', 'CreateContainerConfigError'))
const mountFailed: VerdictCase['said'] = (seen, id) => seen.eventWas(id, /^FailedMount/)

for (const [status, cause] of [
  [404, 'ImageNotFound'],
  [401, 'ImageForbidden'],
  [403, 'ImageForbidden'],
] as const) {
  t.test(`an image for which the registry answers ${status}`, { skip }, t =>
    tells(t, stage, {
      pipeline: step({ image: `${registry}/s${status}/app:1` }),
      said: pullFailed,
      end: never,
      log: [new RegExp(`\\+\\+\\+ Job spawner: ${cause}`), /app:1/, /container-0/],
    }),
  )
}

t.test('an image for which the registry answers 400: tried again for a while', { skip }, t =>
  tells(t, stage, {
    pipeline: step({ image: `${registry}/s400/app:1` }),
    said: pullFailed,
    end: { exitStatus: -1 },
    log: [/\+\+\+ Job spawner: ImagePull/, /400 Bad Request/],
  }),
)

t.test('an image that may not be pulled and is not there: its pod does not stay', async t => {
  const image = { image: 'local/nowhere:9', imagePullPolicy: 'Never' }
  const job = await tells(t, stage, {
    pipeline: step(image, { terminationGracePeriodSeconds: 5 }),
    said: (seen, id) => seen.podWas(id, containerIs('container-0', 'waiting', 'ErrImageNeverPull')),
    end: never,
    log: [/\+\+\+ Job spawner: ImageNeverPull/, /local\/nowhere:9/],
  })
  // Its agent waits for a container that never came, until its grace is over.
  await eventually('the pod to be gone', async () => stage.watching.podGone(job.id), 60)
})

t.test('a Secret that does not exist, for a variable', t =>
  tells(t, stage, {
    pipeline: step({
      env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 'nowhere', key: 'k' } } }],
    }),
    said: configError,
    end: never,
    log: [/\+\+\+ Job spawner: ConfigMissing/, /secret "nowhere" not found/],
  }),
)

t.test('a ConfigMap that does not exist, for all variables', t =>
  tells(t, stage, {
    pipeline: step({ envFrom: [{ configMapRef: { name: 'nowhere' } }] }),
    said: configError,
    end: never,
    log: [/\+\+\+ Job spawner: ConfigMissing/, /configmap "nowhere" not found/],
  }),
)

t.test('a key that a Secret has not', t =>
  tells(t, stage, {
    pipeline: step({
      env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 'half', key: 'missing' } } }],
    }),
    said: configError,
    end: never,
    log: [/\+\+\+ Job spawner: ConfigKeyMissing/, /half/, /missing/],
  }),
)

// For a volume, which the kubelet tries again after 0.5, 1, 2, 4 and 8 s. For a variable it does so each 11 to 15 s, which
// may be too late.
t.test('a Secret that somebody makes a moment later', async t => {
  const job = await tells(t, stage, {
    pipeline: step(
      { command: ['cat /late/word'], volumeMounts: [{ name: 'late', mountPath: '/late' }] },
      { volumes: [{ name: 'late', secret: { secretName: 'late' } }] },
    ),
    deed: async ({ id, watching }) => {
      const missed = async () => watching.eventWas(id, /secret "late" not found/)
      await eventually('the first attempt', missed, 30)
      await addObject(world, {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: 'late' },
        stringData: { word: 'it is there' },
      })
    },
    end: { exitStatus: 0, passed: true },
    log: [/it is there/],
  })
  t.notMatch(job.log, /\+\+\+ Job spawner/)
})

t.test('a container that may not run as root, and an image that would', t =>
  tells(t, stage, {
    pipeline: step({ securityContext: { runAsNonRoot: true } }),
    said: configError,
    end: never,
    log: [/\+\+\+ Job spawner: RunAsNonRoot/, /container-0/],
  }),
)

t.test('a volume of a Secret that does not exist', t =>
  tells(t, stage, {
    pipeline: ofVolume({ secret: { secretName: 'nowhere' } }),
    said: mountFailed,
    end: never,
    log: [/\+\+\+ Job spawner: ConfigMissing/, /secret "nowhere" not found/],
  }),
)

t.test('a volume of a key that the Secret has not', t =>
  tells(t, stage, {
    pipeline: ofVolume({
      secret: { secretName: 'half', items: [{ key: 'missing', path: 'x' }] },
    }),
    said: mountFailed,
    end: never,
    log: [/\+\+\+ Job spawner: ConfigKeyMissing/, /missing/],
  }),
)

t.test('a hostPath that is not of its type', t =>
  tells(t, stage, {
    pipeline: ofVolume({ hostPath: { path: '/etc/passwd', type: 'Directory' } }),
    said: mountFailed,
    end: never,
    log: [/\+\+\+ Job spawner: VolumeMount/, /\/etc\/passwd is not a directory/],
  }),
)

/** A job that is ended for what it waits for has said before what that is: within seconds, and not in its last words. */
function tellsWaiting(wanted: VerdictCase & { told: RegExp }): void {
  void t.test(wanted.told.source, { skip: wanted.pipeline.includes(registry) && skip }, async t => {
    const { told, said } = wanted
    let toldAt = 0
    const job = await tells(t, stage, {
      ...wanted,
      deed: async ({ id, watching }) => {
        await world.until(id, ({ log }) => told.test(log), String(told))
        toldAt = Date.now() - (said?.(watching, id) ?? 0)
      },
      log: [/\+\+\+ Job spawner: PendingTooLong/, /pod-pending-timeout/, told, ...wanted.log],
      within: 90,
    })
    const before = job.log.slice(0, job.log.indexOf('+++ Job spawner'))
    t.match(before, told, 'before the end')
    t.ok(toldAt <= 20_000, `told ${(toldAt / 1000).toFixed(1)} s after Kubernetes said so`)
    t.comment(`told after ${(toldAt / 1000).toFixed(1)} s`)
  })
}

tellsWaiting({
  pipeline: step({ resources: { requests: { cpu: '900' } } }),
  said: (seen, id) => seen.eventWas(id, /^FailedScheduling/),
  told: /Insufficient cpu/,
  end: waited,
  log: [],
})

tellsWaiting({
  pipeline: step({}, { nodeSelector: { nowhere: 'true' } }),
  said: (seen, id) => seen.eventWas(id, /^FailedScheduling/),
  told: /nodeSelector nowhere=true/,
  end: waited,
  log: [/No node has taken the pod yet/, /0\/\d+ nodes are available/],
})

tellsWaiting({
  pipeline: ofVolume({ nfs: { server: '127.0.0.1', path: '/nowhere' } }),
  said: mountFailed,
  told: /mount failed/,
  end: waited,
  log: [],
})

// A sidecar's: the pod waits for it before its agent runs.
tellsWaiting({
  pipeline: step(
    {},
    {},
    { sidecars: [{ name: 'db', image: `${registry}/s503/app:1`, command: ['sleep', '9'] }] },
  ),
  said: pullFailed,
  told: /503 Service Unavailable/,
  end: waited,
  log: [],
})

t.test('a registry in trouble, for the image of the command: the agent waits for it', { skip }, t =>
  tells(t, stage, {
    pipeline: step({ image: `${registry}/s503/app:1` }),
    said: pullFailed,
    end: { exitStatus: -1 },
    log: [/503 Service Unavailable/],
    within: 90,
  }),
)

t.test('the healthy job beside them', { buffered: false }, t => neighbourEnds(t))
