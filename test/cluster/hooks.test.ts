import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { logs } from '../harness/builds.js'
import { agentImage, jobImage } from './harness/env.js'
import { makeRepository } from './harness/git-repository.js'
import { addObject } from './harness/job-pods.js'
import { onlyJob, printed, stepWith } from './harness/steps.js'
import { startWorld } from './harness/world.js'

// What an operator brings to the agents of all pods: hooks and plugins on volumes.

const pluginsFolder = mkdtempSync(join(tmpdir(), 'agent-plugins-'))
t.teardown(() => rmSync(pluginsFolder, { recursive: true, force: true }))

t.jobs = 2
const world = await startWorld(t, {
  maxInFlight: 2,
  config: {
    'allow-pod-spec-patch-unsafe-command-modification': true,
    'agent-config': {
      hooksVolume: configMap('hooks'),
      'additional-hooks': [{ path: '/more-hooks', volume: configMap('more-hooks') }],
      'plugins-path': '/agent-plugins',
      pluginsVolume: { name: 'agent-plugins', hostPath: { path: pluginsFolder } },
    },
  },
})

function configMap(name: string): object {
  return { name, configMap: { name, defaultMode: 0o555 } }
}

async function addHooks(name: string, scripts: Record<string, string>): Promise<void> {
  const data = Object.fromEntries(
    Object.entries(scripts).map(([hook, script]) => [hook, `#!/bin/sh\n${script}\n`]),
  )
  await addObject(world, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data })
}

await addHooks('hooks', {
  'pre-bootstrap': '! grep -q FORBIDDEN= "$BUILDKITE_ENV_FILE"',
  environment: 'echo "environment hook: $BUILDKITE_BOOTSTRAP_PHASES"; export FROM_HOOK=exported',
  'pre-checkout': 'echo "pre-checkout hook of the operator"',
  'pre-command': 'echo "pre-command hook of the operator"',
  'pre-exit': 'echo "pre-exit hook of the operator"',
})
await addHooks('more-hooks', { 'pre-command': 'echo "pre-command hook of the other volume"' })

const plugin = await makeRepository(t, {
  files: {
    'plugin.yml': 'name: greet\nconfiguration:\n  properties:\n    whom: { type: string }\n',
    'hooks/pre-command':
      '#!/bin/sh\necho "pre-command hook of the plugin: hello $BUILDKITE_PLUGIN_GREET_WHOM"\n',
  },
})
cpSync(join(plugin.folder, 'repo.git'), join(pluginsFolder, 'greet-buildkite-plugin'), {
  recursive: true,
})

t.test(
  'the hooks on both volumes run in the containers of their phases',
  { buffered: true },
  async t => {
    const build = await world.run(
      stepWith({
        podSpec: { containers: [{ image: jobImage, command: ['echo "command: $FROM_HOOK"'] }] },
      }),
    )
    t.equal(build.state, 'passed', logs(build))
    const hooks = printed(onlyJob(build)).filter(line => /^(environment|pre-|command:)/.test(line))
    t.same(hooks, [
      'environment hook: plugin,checkout',
      'pre-checkout hook of the operator',
      'environment hook: plugin,command',
      'pre-command hook of the operator',
      'pre-command hook of the other volume',
      'command: exported',
      'pre-exit hook of the operator',
    ])
  },
)

t.test(
  "a step's mount does not hide the operator's hooks, however it is spelled",
  { buffered: true },
  async t => {
    const mine = { name: 'mine', mountPath: '/workspace/hooks/' }
    const build = await world.run(
      stepWith({
        podSpec: {
          volumes: [{ name: 'mine', emptyDir: {} }],
          containers: [{ image: jobImage, command: ['echo "command: $FROM_HOOK"'] }],
        },
        extraVolumeMounts: [mine],
      }),
    )
    t.equal(build.state, 'passed', logs(build))
    t.ok(printed(onlyJob(build)).includes('command: exported'), logs(build))
    const file = { ...mine, mountPath: '/workspace/hooks/environment', subPath: 'environment' }
    const inside = await world.run(stepWith({ extraVolumeMounts: [file] }, { command: 'true' }))
    t.match(onlyJob(inside), { exitStatus: -1, finishCount: 1 }, logs(inside))
    t.match(logs(inside), /extraVolumeMounts\.0\.mountPath[^]*outside of \/workspace\/hooks/)
  },
)

t.test('a plugin of the volume is there for the step', { buffered: true }, async t => {
  const build = await world.run(
    JSON.stringify({
      steps: [
        {
          image: agentImage,
          command: 'echo the command',
          plugins: [{ '/agent-plugins/greet-buildkite-plugin#main': { whom: 'world' } }],
        },
      ],
    }),
  )
  t.equal(build.state, 'passed', logs(build))
  t.ok(printed(onlyJob(build)).includes('pre-command hook of the plugin: hello world'), logs(build))
  t.match(logs(build), /already checked out/, 'the checkout container fetched it for the others')
})

t.test("the operator's pre-bootstrap hook refuses a job", { buffered: true }, async t => {
  const build = await world.run(
    JSON.stringify({ steps: [{ command: 'echo never', env: { FORBIDDEN: 'yes' } }] }),
  )
  t.match(onlyJob(build), { exitStatus: -1, signalReason: 'agent_refused', finishCount: 1 })
  t.match(logs(build), /pre-bootstrap hook rejected this job/)
  t.notOk(printed(onlyJob(build)).includes('never'))
})

t.test(
  'a patch may change what the agent container runs where the operator allows it',
  { buffered: true },
  async t => {
    const agent = {
      name: 'agent',
      command: ['/bin/sh', '-c'],
      args: ['echo patched > /workspace/mark; exec buildkite-agent-entrypoint start'],
    }
    const build = await world.run(
      stepWith({ podSpecPatch: { containers: [agent] } }, { command: 'cat /workspace/mark' }),
    )
    t.equal(build.state, 'passed', logs(build))
    t.ok(printed(onlyJob(build)).includes('patched'))
  },
)
