import t from 'tap'
import { hasComponents } from './harness/components.js'
import { jobImage } from './harness/env.js'
import { kubectl } from './harness/kubectl.js'
import { killContainer } from './harness/runtime.js'
import { stepWith } from './harness/steps.js'
import {
  startNeighbour,
  startStage,
  tells,
  untilSeen,
  type LiveJob,
  type VerdictCase,
} from './harness/verdict-case.js'
import { containerIs } from './harness/watching.js'

// Containers that die: what the job's log says of each, and how soon.

t.jobs = 6

const stage = await startStage({ maxInFlight: 12 })
const neighbourEnds = await startNeighbour(stage)
const skip = !hasComponents() && "the cluster's runtime is not ours"

const hog = 'x=a; while true; do x=$x$x; done'
const ready = /ready\r*\n/

/** A step whose command container has these fields. */
function command(text: string, fields: object = {}, plugin: object = {}): string {
  return stepWith({
    podSpec: { containers: [{ image: jobImage, command: [text], ...fields }] },
    ...plugin,
  })
}

function memory(limit: string): object {
  return { resources: { limits: { memory: limit } } }
}

function patched(name: string, fields: object): object {
  return { podSpecPatch: { containers: [{ name, ...fields }] } }
}

/** Kills the processes of a container that were started with these words, but not process 1. */
async function killIn({ pod, world }: LiveJob, container: string, words: string): Promise<void> {
  const kill = `for p in /proc/[0-9]*; do [ $p = /proc/$$ ] || case "$(tr '\\0' ' ' < $p/cmdline)" in *'${words}'*) kill -9 \${p#/proc/};; esac; done`
  const place = ['-n', world.namespaces.jobs, '-c', container]
  // The shell that does it, which has the words, too, may die with the container.
  await kubectl(['exec', pod.metadata?.name ?? '', ...place, '--', 'sh', '-c', kill]).catch(
    () => {},
  )
}

t.test('a command that needs more memory than its limit', t =>
  tells(t, stage, {
    pipeline: command(`echo ready; ${hog}`, memory('64Mi')),
    said: (seen, id) => seen.podWas(id, containerIs('container-0', 'terminated', 'OOMKilled')),
    end: { exitStatus: 137, signal: 'SIGKILL', signalReason: undefined },
    log: [/\+\+\+ Job spawner: OOMKilled/, /container-0/, /64Mi/],
  }),
)

t.test('a program of the command that needs more memory than the limit', t =>
  tells(t, stage, {
    pipeline: command(`echo ready; sh -c '${hog}'; exit $?`, memory('64Mi')),
    said: (seen, id) => seen.podWas(id, containerIs('container-0', 'terminated', 'OOMKilled')),
    end: { exitStatus: 137, signalReason: undefined },
    log: [/\+\+\+ Job spawner: OOMKilled/, /container-0/, /64Mi/],
  }),
)

t.test('a program that is killed for its memory, and a command that bears it', async t => {
  const job = await tells(t, stage, {
    pipeline: command(`(${hog}) || echo borne; exit 0`, memory('64Mi')),
    said: (seen, id) => seen.podWas(id, containerIs('container-0', 'terminated')),
    end: { exitStatus: 0, passed: true },
    log: [/borne/],
  })
  t.notMatch(job.log, /\+\+\+ Job spawner/)
})

t.test('a bootstrap that its container has no memory for', t =>
  tells(t, stage, {
    pipeline: command('sleep 300', memory('12Mi')),
    said: (seen, id) => seen.podWas(id, containerIs('container-0', 'terminated', 'OOMKilled')),
    end: { exitStatus: 137, signal: 'SIGKILL', signalReason: undefined },
    log: [/\+\+\+ Job spawner: OOMKilled/, /container-0/, /12Mi/],
  }),
)

t.test('a checkout that needs more memory than its limit', t =>
  tells(t, stage, {
    pipeline: command('sleep 300', {}, patched('checkout', memory('12Mi'))),
    said: (seen, id) => seen.podWas(id, containerIs('checkout', 'terminated', 'OOMKilled')),
    end: { exitStatus: 137, signal: 'SIGKILL', signalReason: undefined },
    log: [/\+\+\+ Job spawner: OOMKilled/, /checkout/, /12Mi/],
  }),
)

// That of the agent itself comes when Go's runtime wants it to: it is a golden of test/pod/verdict, recorded here.

t.test('an init container that needs more memory than its limit', t => {
  const init = { name: 'fat', image: jobImage, command: ['sh', '-c', hog], ...memory('32Mi') }
  const podSpec = { initContainers: [init], containers: [{ image: jobImage, command: ['true'] }] }
  return tells(t, stage, {
    pipeline: stepWith({ podSpec }),
    said: (seen, id) => seen.podWas(id, containerIs('fat', 'terminated', 'OOMKilled')),
    end: { exitStatus: 137, signal: 'SIGKILL' },
    log: [/\+\+\+ Job spawner: OOMKilled/, /fat/, /32Mi/],
  })
})

t.test('an init container that fails: its termination message and its last lines', t => {
  const words =
    'echo one; echo "no route to db" >&2; echo db is down > /dev/termination-log; exit 3'
  const init = { name: 'migrate', image: jobImage, command: ['sh', '-c', words] }
  const podSpec = { initContainers: [init], containers: [{ image: jobImage, command: ['true'] }] }
  return tells(t, stage, {
    pipeline: stepWith({ podSpec }),
    said: (seen, id) => seen.podWas(id, containerIs('migrate', 'terminated')),
    end: { exitStatus: -1, signalReason: 'process_run_error' },
    log: [
      /\+\+\+ Job spawner: InitFailed/,
      /migrate/,
      /exit code 3/,
      /db is down/,
      /no route to db/,
    ],
  })
})

t.test('an init container whose program is not there', t => {
  const init = { name: 'setup', image: jobImage, command: ['/nowhere/at-all'] }
  const podSpec = { initContainers: [init], containers: [{ image: jobImage, command: ['true'] }] }
  return tells(t, stage, {
    pipeline: stepWith({ podSpec }),
    said: (seen, id) => seen.podWas(id, containerIs('setup', 'terminated', 'StartError')),
    end: { exitStatus: -1, signalReason: 'process_run_error' },
    log: [/\+\+\+ Job spawner: ContainerCannotRun/, /setup/, /nowhere\/at-all/],
  })
})

t.test('a mount that the runtime cannot make in the command container', t => {
  const container = {
    image: jobImage,
    command: ['true'],
    volumeMounts: [{ name: 'wrong', mountPath: '/bin/busybox/x' }],
  }
  const podSpec = { volumes: [{ name: 'wrong', emptyDir: {} }], containers: [container] }
  return tells(t, stage, {
    pipeline: stepWith({ podSpec }),
    said: (seen, id) => seen.podWas(id, containerIs('container-0', 'terminated', 'StartError')),
    end: { exitStatus: -1, signalReason: 'process_run_error' },
    log: [/\+\+\+ Job spawner: ContainerCannotRun/, /container-0/, /not a directory/],
  })
})

t.test('an agent that is killed', t =>
  tells(t, stage, {
    pipeline: command('echo ready; sleep 300'),
    ready,
    deed: job => killIn(job, 'agent', 'buildkite-agent start'),
    said: (seen, id) => seen.podWas(id, containerIs('agent', 'terminated')),
    end: { exitStatus: -1, signal: 'SIGKILL', signalReason: 'agent_stop' },
    log: [/\+\+\+ Job spawner: AgentKilled/, /137/],
  }),
)

t.test('a bootstrap that is killed', t =>
  tells(t, stage, {
    pipeline: command('echo ready; sleep 300'),
    ready,
    deed: job => killIn(job, 'container-0', 'buildkite-agent bootstrap'),
    end: { exitStatus: -1 },
    log: [/\+\+\+ Job spawner: BootstrapKilled/, /container-0/],
  }),
)

const killedAsAWhole: Omit<VerdictCase, 'pipeline' | 'log'> = {
  ready,
  deed: async ({ id }) =>
    killContainer(await untilSeen(stage, id, containerIs('container-0', 'running')), 'container-0'),
  said: (seen, id) => seen.podWas(id, containerIs('container-0', 'terminated')),
  end: { exitStatus: 137, signal: 'SIGKILL', signalReason: undefined },
}

t.test('a command container that is killed as a whole', { skip }, t =>
  tells(t, stage, {
    pipeline: command('echo ready; sleep 300'),
    ...killedAsAWhole,
    log: [/\+\+\+ Job spawner: ContainerKilled/, /container-0/, /137/],
  }),
)

t.test('a command container that is killed while it prints each second', { skip }, t =>
  tells(t, stage, {
    pipeline: command('echo ready; while true; do echo more; sleep 1; done'),
    ...killedAsAWhole,
    log: [/\+\+\+ Job spawner: ContainerKilled/, /container-0/],
  }),
)

// An init container of the step puts its own program in the place of the one that starts the bootstraps.
function instead(containerId: number, script: string): string {
  const lines = `'#!/bin/sh' '[ "$BUILDKITE_CONTAINER_ID" != ${containerId} ] || { ${script}; }' 'exec /workspace/tini-real "$@"'`
  const swap = `cd /workspace; mv tini-static tini-real; printf '%s\\n' ${lines} > tini-static; chmod 755 tini-static`
  const init = { name: 'swap', image: jobImage, command: ['sh', '-c', swap.replaceAll('$', '$$')] }
  const podSpec = {
    initContainers: [init],
    containers: [{ image: jobImage, command: ['echo never'] }],
  }
  return stepWith({ podSpec })
}

t.test('a command container that ends well before it has connected', t =>
  tells(t, stage, {
    pipeline: instead(1, 'exit 0'),
    said: (seen, id) => seen.podWas(id, containerIs('container-0', 'terminated')),
    end: { exitStatus: -1, signalReason: 'process_run_error' },
    log: [/\+\+\+ Job spawner: ExitedBeforeConnecting/, /container-0/],
  }),
)

t.test('a command container that fails before it has connected', t =>
  tells(t, stage, {
    pipeline: instead(1, 'echo it is cold here >&2; exit 4'),
    said: (seen, id) => seen.podWas(id, containerIs('container-0', 'terminated')),
    end: { exitStatus: 4 },
    log: [/\+\+\+ Job spawner: ContainerFailed/, /container-0/, /exit code 4/, /it is cold here/],
  }),
)

t.test('a sidecar that fails each time keeps the pod from starting', t => {
  const sidecar = {
    name: 'db',
    image: jobImage,
    command: ['sh', '-c', 'echo no disk for db; exit 4'],
  }
  return tells(t, stage, {
    pipeline: command('true', {}, { sidecars: [sidecar] }),
    said: (seen, id) => seen.eventWas(id, /^BackOff: .*db/),
    end: { exitStatus: -1, signalReason: 'process_run_error' },
    log: [/\+\+\+ Job spawner: SidecarCrash/, /sidecar db/, /no disk for db/],
  })
})

t.test('a sidecar that is killed and comes back is nothing to the job', { skip }, async t => {
  const sidecars = [{ name: 'db', image: jobImage, command: ['sh', '-c', 'sleep 300'] }]
  const job = await tells(t, stage, {
    pipeline: command('echo ready; sleep 8; echo done', {}, { sidecars }),
    ready,
    deed: async ({ id }) =>
      killContainer(await untilSeen(stage, id, containerIs('db', 'running')), 'db'),
    end: { exitStatus: 0, passed: true },
    log: [/done/],
  })
  t.notMatch(job.log, /\+\+\+ Job spawner/)
})

t.test('the healthy job beside them', { buffered: false }, t => neighbourEnds(t))
