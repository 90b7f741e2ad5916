import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { jobImage } from './harness/env.js'
import { kubectl } from './harness/kubectl.js'
import { stepWith } from './harness/steps.js'
import { startNeighbour, startStage, tells, type LiveJob } from './harness/verdict-case.js'
import { containerIs } from './harness/watching.js'

// Pods that the cluster, its clock or somebody takes away.

t.jobs = 6

const stage = await startStage({ maxInFlight: 12 })
const { jobs: namespace } = stage.world.namespaces
const neighbourEnds = await startNeighbour(stage)

// A spawner that has only begun to listen cannot know of a pod that is gone whether its agent ran: see sight.ts.
const listening = delay(16_000)

const ready = /ready\r*\n/
const stopped = { exitStatus: -1, signalReason: 'agent_stop' } as const

function step(podSpec: object = {}, plugin: object = {}, fields: object = {}): string {
  const containers = [{ image: jobImage, command: ['echo ready; sleep 300'], ...fields }]
  return stepWith({ podSpec: { containers, ...podSpec }, ...plugin })
}

function nameOf({ pod }: LiveJob): string {
  return pod.metadata?.name ?? ''
}

function deletePod(job: LiveJob, ...args: string[]): Promise<string> {
  return kubectl(['delete', 'pod', nameOf(job), '-n', namespace, '--wait=false', ...args])
}

t.test('a deadline, while the command runs', t =>
  tells(t, stage, {
    pipeline: step({}, { jobActiveDeadlineSeconds: 12 }),
    said: (seen, id) => seen.podWas(id, ({ metadata }) => Boolean(metadata?.deletionTimestamp)),
    end: stopped,
    log: [/\+\+\+ Job spawner: DeadlineExceeded/, /ready/],
  }),
)

t.test('a deadline, while the pod has no node', async t => {
  await listening
  await tells(t, stage, {
    pipeline: step({ nodeSelector: { nowhere: 'true' } }, { jobActiveDeadlineSeconds: 5 }),
    said: (seen, id) => seen.podWas(id, ({ metadata }) => Boolean(metadata?.deletionTimestamp)),
    end: { exitStatus: -1, signalReason: 'process_run_error' },
    log: [/\+\+\+ Job spawner: DeadlineExceeded/],
  })
})

t.test('a pod that somebody deletes', t =>
  tells(t, stage, {
    pipeline: step(),
    ready,
    deed: job => deletePod(job),
    end: stopped,
    log: [/\+\+\+ Job spawner: PodDeleted/],
  }),
)

t.test('a pod that somebody deletes before it has a node', async t => {
  await listening
  await tells(t, stage, {
    pipeline: step({ nodeSelector: { nowhere: 'true' } }),
    deed: job => deletePod(job),
    said: (seen, id) => seen.podGone(id),
    end: { exitStatus: -1, signalReason: 'stack_error' },
    log: [/\+\+\+ Job spawner: PodDeleted/],
  })
})

t.test('a pod that somebody deletes by force', t =>
  tells(t, stage, {
    pipeline: step(),
    ready,
    deed: job => deletePod(job, '--grace-period=0', '--force'),
    said: (seen, id) => seen.podGone(id),
    end: stopped,
    log: [/\+\+\+ Job spawner: PodDeleted/],
  }),
)

t.test('a Job that somebody deletes', t =>
  tells(t, stage, {
    pipeline: step(),
    ready,
    deed: ({ id }) =>
      kubectl(['delete', 'job', `buildkite-${id}`, '-n', namespace, '--wait=false']),
    end: stopped,
    log: [/\+\+\+ Job spawner: PodDeleted/, /Job is gone/],
  }),
)

t.test('the eviction API: a drained node', t =>
  tells(t, stage, {
    pipeline: step(),
    ready,
    deed: job => {
      const name = nameOf(job)
      const eviction = {
        apiVersion: 'policy/v1',
        kind: 'Eviction',
        metadata: { name, namespace },
      }
      const path = `/api/v1/namespaces/${namespace}/pods/${name}/eviction`
      return kubectl(['create', '--raw', path, '-f', '-'], JSON.stringify(eviction))
    },
    end: stopped,
    log: [/\+\+\+ Job spawner: EvictedByRequest/, /EvictionByEvictionAPI/],
  }),
)

t.test('more on the disk than the limit', t =>
  tells(t, stage, {
    pipeline: step(
      {},
      {},
      {
        command: ['echo ready; head -c 20m /dev/zero > /x; sleep 300'],
        resources: { limits: { 'ephemeral-storage': '2Mi' } },
      },
    ),
    said: (seen, id) => seen.eventWas(id, /^Evicted/),
    end: stopped,
    log: [/\+\+\+ Job spawner: StorageLimit/, /ephemeral/, /2Mi/],
  }),
)

t.test('a liveness probe that fails', t => {
  const livenessProbe = { exec: { command: ['false'] }, periodSeconds: 1, failureThreshold: 4 }
  return tells(t, stage, {
    pipeline: step({ terminationGracePeriodSeconds: 4 }, {}, { livenessProbe }),
    said: (seen, id) => seen.podWas(id, containerIs('container-0', 'terminated')),
    end: { exitStatus: 137, signal: 'SIGKILL' },
    log: [/\+\+\+ Job spawner: ProbeFailed/, /container-0 failed liveness probe/],
  })
})

t.test('the healthy job beside them', { buffered: false }, t => neighbourEnds(t))
