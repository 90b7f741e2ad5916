import t from 'tap'
import { parse, stringify } from 'yaml'
import { logs } from '../harness/builds.js'
import { agentImage, jobImage } from './harness/env.js'
import { addSecret, podOf, containersOf } from './harness/job-pods.js'
import { makeSigningKeys } from './harness/signing-keys.js'
import { onlyJob, printed, stepWith } from './harness/steps.js'
import { startWorld } from './harness/world.js'

// Signed pipelines: keys of the agent's own tool, on volumes that the operator names.

t.jobs = 3
const keys = await makeSigningKeys(t)
const world = await startWorld(t, {
  config: {
    'agent-config': {
      'signing-jwks-file': 'private.json',
      'signing-jwks-key-id': 'test',
      signingJWKSVolume: { name: 'signing', secret: { secretName: 'signing' } },
      'verification-jwks-file': 'public.json',
      verificationJWKSVolume: { name: 'verification', secret: { secretName: 'verification' } },
    },
  },
})
await addSecret(world, 'signing', { 'private.json': keys.privateJwks })
await addSecret(world, 'verification', { 'public.json': keys.publicJwks })

const repo = 'https://git.invalid/signed.git'
const options = { repo, env: { BUILDKITE_SKIP_CHECKOUT: 'true' } }
const refused = { exitStatus: -1, signalReason: 'signature_rejected', finishCount: 1 }

t.test('a signed step runs, its kubernetes plugin signed with it', { buffered: true }, async t => {
  const pipeline = stepWith(
    {
      podSpec: {
        containers: [{ image: jobImage, command: ['env | grep ^WELL'] }],
      },
    },
    { command: 'true', env: { WELL: 'sealed' } },
  )
  const build = await world.run(await keys.sign(pipeline, repo), options)
  t.equal(build.state, 'passed', logs(build))
  t.match(logs(build), /Job signature verified/)
  t.ok(printed(onlyJob(build)).includes('WELL=sealed'))
  const pod = await podOf(world, onlyJob(build).id)
  const mounting = containersOf(pod)
    .filter(({ volumeMounts = [] }) => volumeMounts.some(({ name }) => name === 'verification'))
    .map(({ name }) => name)
  t.same(mounting, ['agent'], 'the agent alone has the verification key')
})

t.test(
  'a step whose command was changed after it was signed is refused',
  { buffered: true },
  async t => {
    const signed = parse(await keys.sign('steps: [{ command: "echo good" }]', repo)) as {
      steps: { command: string }[]
    }
    for (const step of signed.steps) step.command = 'echo evil'
    const build = await world.run(stringify(signed), options)
    t.match(onlyJob(build), refused, logs(build))
    t.match(logs(build), /Job signature verification failed[^]*signature verification failed/)
    t.notOk(printed(onlyJob(build)).includes('evil'), 'and it does not run')
  },
)

t.test(
  'a step whose plugin was changed after it was signed is refused',
  { buffered: true },
  async t => {
    const pipeline = stepWith(
      { podSpec: { containers: [{ image: jobImage }] } },
      { command: 'true' },
    )
    const signed = await keys.sign(pipeline, repo)
    const build = await world.run(signed.replaceAll(jobImage, agentImage), options)
    t.match(onlyJob(build), refused, logs(build))
  },
)

t.test('a step without a signature is refused', { buffered: true }, async t => {
  const build = await world.run('steps: [{ command: "echo never" }]', options)
  t.match(onlyJob(build), refused, logs(build))
  t.match(logs(build), /job had no signature to verify/)
  t.notOk(printed(onlyJob(build)).includes('never'))
})

t.test(
  'steps that a job uploads are signed on the way, and verified',
  { buffered: true },
  async t => {
    const upload = `printf 'steps: [{ command: "echo from the upload", key: later }]' | buildkite-agent pipeline upload`
    const build = await world.run(
      await keys.sign(JSON.stringify({ steps: [{ command: upload }] }), repo),
      options,
    )
    t.equal(build.state, 'passed', logs(build))
    const later = build.jobs.find(({ stepKey }) => stepKey === 'later')
    t.match(later?.log, /Job signature verified/)
    t.ok(later && printed(later).includes('from the upload'))
  },
)

t.test('a step cannot take the verification away by a patch', { buffered: true }, async t => {
  const env = [
    { name: 'BUILDKITE_AGENT_VERIFICATION_JWKS_FILE', $patch: 'delete' },
    { name: 'BUILDKITE_AGENT_JOB_VERIFICATION_NO_SIGNATURE_BEHAVIOR', value: 'warn' },
  ]
  const build = await world.run(
    stepWith({ podSpecPatch: { containers: [{ name: 'agent', env }] } }, { command: 'echo never' }),
    options,
  )
  const job = onlyJob(build)
  t.match(job, { exitStatus: -1, finishCount: 1 }, job.log)
  t.notOk(printed(job).includes('never'))
})

t.test(
  'a step cannot lay files of its own over those of the agent',
  { buffered: true },
  async t => {
    const entrypoint = 'buildkite-agent-entrypoint'
    const script = `#!/bin/sh
unset BUILDKITE_AGENT_VERIFICATION_JWKS_FILE
export BUILDKITE_AGENT_JOB_VERIFICATION_NO_SIGNATURE_BEHAVIOR=warn
exec buildkite-agent "$@"
`
    const fieldRef = { fieldPath: "metadata.annotations['script']" }
    const items = [{ path: entrypoint, mode: 0o555, fieldRef }]
    const mountPath = `/usr/local/bin/${entrypoint}`
    const build = await world.run(
      stepWith(
        {
          metadata: { annotations: { script } },
          podSpec: {
            containers: [{ image: jobImage, command: ['echo "still"; echo running'] }],
            volumes: [{ name: 'mine', downwardAPI: { items } }],
          },
          extraVolumeMounts: [{ name: 'mine', mountPath, subPath: entrypoint }],
        },
        { command: 'true' },
      ),
      options,
    )
    const job = onlyJob(build)
    t.match(job, { exitStatus: -1, finishCount: 1 }, job.log)
    t.notOk(printed(job).includes('running'))
  },
)
