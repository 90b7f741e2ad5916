import { writeFileSync } from 'node:fs'
import t from 'tap'
import { registrationToken } from '../../../lib/sandbox/pod-agent/token.js'
import type { ContainerInput } from '../../../lib/sandbox/pod-agent/input.js'

const reference = 'file:///var/run/job-spawner/token'

function agent(token: string, mounts: ContainerInput['mounts'] = []): ContainerInput {
  const env = { BUILDKITE_AGENT_TOKEN: token }
  return { name: 'agent', image: 'a', env, mounts, sidecar: false, blocked: false }
}

t.test('a token is what the variable says, or what is in the file that it names', async t => {
  t.equal(registrationToken(agent('plain')), 'plain')
  t.equal(registrationToken({ ...agent(''), env: {} }), '')
  const folder = t.testdir({ token: 'from-a-file\n' })
  const mounts = [{ path: '/var/run/job-spawner', folder }]
  t.equal(registrationToken(agent(reference, mounts)), 'from-a-file')
  writeFileSync(`${folder}/token`, 'renewed')
  t.equal(registrationToken(agent(reference, mounts)), 'renewed', 'it is read each time')
})

t.test(
  'a file that is in no volume of the container is not read, if it is here or not',
  async t => {
    const message = /^failed to resolve registration token "file:.*couldn't read token from file: /
    const folder = t.testdir({ token: 'secret' })
    t.throws(() => registrationToken(agent(reference)), { message })
    t.throws(() => registrationToken(agent(`file://${folder}/token`)), { message })
    t.throws(() => registrationToken(agent(reference, [{ path: '/var/run/job', folder }])))
    const empty = [{ path: '/var/run/job-spawner', folder: t.testdir({}) }]
    t.throws(() => registrationToken(agent(reference, empty)), { message })
  },
)
