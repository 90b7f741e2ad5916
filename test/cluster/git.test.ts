import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { logs } from '../harness/builds.js'
import { agentImage } from './harness/env.js'
import { startGitServer } from './harness/git-server.js'
import { addObject, addSecret, podsOf } from './harness/job-pods.js'
import { hasSshd, startSshServer } from './harness/ssh-server.js'
import { onlyJob, printed, stepWith } from './harness/steps.js'
import { startWorld } from './harness/world.js'

// How a repository comes into a pod.

t.jobs = 4
const world = await startWorld(t, {
  config: {
    'default-checkout-params': { fetchFlags: '-v --prune --no-tags' },
    // The agent tries a checkout six times, over a minute: too long for those that are to fail.
    'pod-spec-patch': {
      containers: [{ name: 'agent', env: [{ name: 'BUILDKITE_CHECKOUT_ATTEMPTS', value: '1' }] }],
    },
  },
})
const login = { user: 'ci', password: 'correct-horse-battery' }

function credentials(url: string, { user, password }: typeof login): Record<string, string> {
  return {
    '.git-credentials': `${url.replace('//', `//${user}:${password}@`).replace(/\/repo.*/, '')}\n`,
  }
}

t.test(
  'the credentials of a Secret clone from a server that asks for them, and are in no log',
  { buffered: true },
  async t => {
    const server = await startGitServer(t, { 'hello.txt': 'private\n' }, { login })
    await addSecret(world, 'git-good', credentials(server.url, login))
    const build = await world.run(
      stepWith(
        { checkout: { gitCredentialsSecret: { secretName: 'git-good' } } },
        { command: 'cat hello.txt; ls -A ~ /buildkite 2>&1; env' },
      ),
      { repo: server.url, branch: server.branch, commit: server.commit },
    )
    t.equal(build.state, 'passed', logs(build))
    t.ok(printed(onlyJob(build)).includes('private'))
    t.ok(server.requests.some(({ user }) => user === login.user))
    t.notOk(onlyJob(build).rawLog.includes(login.password))
    t.notOk(JSON.stringify(await podsOf(world, onlyJob(build).id)).includes(login.password))
  },
)

t.test(
  "a wrong password fails with git's own words, and is in no log either",
  { buffered: true },
  async t => {
    const server = await startGitServer(t, { 'hello.txt': 'private\n' }, { login })
    const wrong = { ...login, password: 'wrong-staple' }
    await addSecret(world, 'git-wrong', credentials(server.url, wrong))
    const build = await world.run(
      stepWith(
        { checkout: { gitCredentialsSecret: { secretName: 'git-wrong' } } },
        { command: 'echo never' },
      ),
      { repo: server.url, branch: server.branch, commit: server.commit },
    )
    const job = onlyJob(build)
    t.match(job, { state: 'finished', finishCount: 1 })
    t.not(job.exitStatus, 0)
    t.match(job.log, /Authentication failed for/, 'what git says')
    t.notOk(printed(job).includes('never'), 'the command does not run')
    for (const secret of [login.password, wrong.password]) t.notOk(job.rawLog.includes(secret))
  },
)

t.test(
  'a mirror on a volume is cloned once, and serves the next job',
  { buffered: true },
  async t => {
    const server = await startGitServer(t, { 'hello.txt': 'mirrored\n' })
    const folder = mkdtempSync(join(tmpdir(), 'git-mirrors-'))
    t.teardown(() => rmSync(folder, { recursive: true, force: true }))
    const volume = { name: 'git-mirrors', hostPath: { path: folder, type: 'Directory' } }
    const step = stepWith(
      { checkout: { gitMirrors: { path: '/git-mirrors', volume, lockTimeout: 60 } } },
      { command: 'cat hello.txt && cat .git/objects/info/alternates' },
    )
    const options = { repo: server.url, branch: server.branch, commit: server.commit }
    const [first, second] = [await world.run(step, options), await world.run(step, options)]
    for (const build of [first, second]) {
      t.equal(build.state, 'passed', logs(build))
      t.ok(printed(onlyJob(build)).includes('mirrored'))
    }
    t.match(logs(first), /Cloning a mirror of the repository to "\/git-mirrors\//)
    t.notMatch(logs(second), /Cloning a mirror/, 'the second job does not clone it again')
    t.match(logs(second), /Commit "[0-9a-f]+" exists in mirror/)
    t.match(logs(second), /^\/git-mirrors\/.*\/objects\r*$/m, 'and borrows its objects')
    const [mirror] = readdirSync(folder).filter(name => existsSync(join(folder, name, 'objects')))
    t.ok(mirror, 'the mirror is on the volume')
  },
)

t.test(
  'the flags of the plugin and of the operator are those of git',
  { buffered: true },
  async t => {
    const server = await startGitServer(t, { 'a.txt': 'a\n' }, { earlierCommits: 3 })
    const build = await world.run(
      stepWith(
        { checkout: { cloneFlags: '--depth=1 -v', cleanFlags: '-ffdx -e kept' } },
        { command: 'echo "commits: $(git rev-list --count HEAD)"' },
      ),
      { repo: server.url, branch: server.branch, commit: server.commit },
    )
    t.equal(build.state, 'passed', logs(build))
    t.ok(printed(onlyJob(build)).includes('commits: 1'), logs(build))
    t.match(logs(build), /git clone --depth=1 -v /)
    t.match(logs(build), /git clean -ffdx -e kept/)
    t.match(logs(build), /git fetch -v --prune --no-tags /, 'the default of the operator')
  },
)

t.test('submodules are cloned, unless the step wants none', { buffered: true }, async t => {
  const inner = await startGitServer(t, { 'inner.txt': 'of the submodule\n' })
  const outer = await startGitServer(
    t,
    { 'outer.txt': 'outer\n' },
    { submodule: { path: 'sub', url: inner.url, commit: inner.commit } },
  )
  const kubernetes = { checkout: { noSubmodules: true } }
  const command = 'cat sub/inner.txt || echo no submodule'
  const build = await world.run(
    JSON.stringify({ steps: [{ command }, { command, plugins: [{ kubernetes }] }] }),
    { repo: outer.url, branch: outer.branch, commit: outer.commit },
  )
  t.equal(build.state, 'passed', logs(build))
  const [all, without] = build.jobs.map(printed)
  t.ok(all?.includes('of the submodule'), logs(build))
  t.ok(without?.includes('no submodule'), logs(build))
})

t.test('a step that skips the checkout has no container for it', { buffered: true }, async t => {
  const build = await world.run(
    stepWith({ checkout: { skip: true } }, { command: 'echo not needed' }),
    { repo: 'http://git.invalid/repo.git' },
  )
  t.equal(build.state, 'passed', logs(build))
  const [pod] = await podsOf(world, onlyJob(build).id)
  t.notOk(pod?.spec?.containers.some(({ name }) => name === 'checkout'))
})

// The published agent images make files of the keys in SSH_PRIVATE_*_KEY; the cluster's stand-in for them does not.
const entrypoint = `#!/bin/sh
set -eu
mkdir -p "$HOME/.ssh"
printf '%s\\n' "$SSH_PRIVATE_ED25519_KEY" > "$HOME/.ssh/id_ed25519"
chmod 700 "$HOME/.ssh" && chmod 600 "$HOME/.ssh/id_ed25519"
exec /usr/local/bin/buildkite-agent "$@"
`

t.test(
  'an ssh clone with a key from a Secret, as root and as another user',
  { buffered: true, skip: !hasSshd() && 'no sshd on this machine (Debian: openssh-server)' },
  async t => {
    const server = await startSshServer(t, { 'hello.txt': 'by ssh\n' })
    const name = 'buildkite-agent-entrypoint'
    await addSecret(world, 'git-ssh', { SSH_PRIVATE_ED25519_KEY: server.privateKey })
    await addObject(world, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name },
      data: { [name]: entrypoint },
    })
    const plugin = (podSpec: object, keys: object) => ({
      ...keys,
      podSpec: {
        ...podSpec,
        containers: [{ image: agentImage, command: ['echo "user $(id -u)"; cat hello.txt'] }],
        volumes: [{ name: 'entrypoint', configMap: { name, defaultMode: 0o555 } }],
      },
    })
    const extraVolumeMounts = [
      { name: 'entrypoint', mountPath: `/usr/local/bin/${name}`, subPath: name },
    ]
    const envFrom = [{ secretRef: { name: 'git-ssh' } }]
    const nobody = { securityContext: { runAsUser: 1000, runAsGroup: 1000, runAsNonRoot: true } }
    const steps = [
      plugin({}, { gitEnvFrom: envFrom, checkout: { extraVolumeMounts } }),
      plugin(nobody, { checkout: { extraVolumeMounts, envFrom } }),
    ].map(kubernetes => ({ plugins: [{ kubernetes }] }))
    const { url: repo, branch, commit } = server
    const build = await world.run(JSON.stringify({ steps }), { repo, branch, commit })
    t.equal(build.state, 'passed', logs(build))
    for (const [index, user] of ['user 0', 'user 1000'].entries()) {
      const log = build.jobs[index] ? printed(build.jobs[index]) : []
      t.ok(log.includes(user) && log.includes('by ssh'), user)
    }
    const secret = server.privateKey.split('\n')[1] ?? ''
    t.notOk(
      build.jobs.some(({ rawLog }) => rawLog.includes(secret)),
      'the key is in no log',
    )
  },
)
