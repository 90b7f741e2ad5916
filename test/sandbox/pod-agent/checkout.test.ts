import t from 'tap'
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { agentFor } from './in-process.js'

const folder = mkdtempSync(join(tmpdir(), 'checkout-'))
t.teardown(() => rmSync(folder, { recursive: true, force: true }))

function repository(): { url: string; commit: string } {
  const work = join(folder, 'work')
  mkdirSync(work)
  writeFileSync(join(work, 'hello.sh'), '#!/bin/sh\necho from the repository\n')
  const env = { ...process.env, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_SYSTEM: '/dev/null' }
  const git = (...args: string[]) => execFileSync('git', args, { cwd: work, env }).toString().trim()
  git('init', '-q', '-b', 'main')
  git('add', '.')
  git('-c', 'user.name=Jo', '-c', 'user.email=jo@example.com', 'commit', '-qm', 'hello commit')
  const commit = git('rev-parse', 'HEAD')
  const url = join(folder, 'repository')
  cpSync(work, url, { recursive: true })
  return { url, commit }
}

const { url, commit } = repository()

t.test(
  'a repository is cloned, its commit is told to the build, and a script of it runs',
  async t => {
    const jobEnv = { BUILDKITE_REPO: url, BUILDKITE_COMMIT: commit }
    const commands = ['hello.sh', 'git rev-parse HEAD; pwd']
    const { gateway, start, workspace } = await agentFor(t, { checkout: true, commands, jobEnv })
    t.equal(await start(), 0)
    t.equal(gateway.json('PUT finish')['exit_status'], '0', gateway.log())
    t.match(gateway.log(), /~~~ Preparing working directory\n\$ git clone -- /)
    t.match(gateway.log(), '~~~ Running script\n$ ./hello.sh\nfrom the repository\n')
    t.match(gateway.log(), `${commit}\n${workspace}/build/buildkite\n`)
    t.same(gateway.json('POST data/exists'), { key: 'buildkite:git:commit' })
    t.match(
      gateway.json('POST data/set')['value'],
      new RegExp(
        `^commit ${commit}\nabbrev-commit .*\nAuthor: Jo <jo@example.com>\n\n    hello commit`,
      ),
    )
  },
)

t.test('the branch is checked out when the commit is HEAD', async t => {
  const jobEnv = { BUILDKITE_REPO: url, BUILDKITE_COMMIT: 'HEAD', BUILDKITE_BRANCH: 'main' }
  const { gateway, start } = await agentFor(t, {
    checkout: true,
    commands: ['git rev-parse HEAD'],
    jobEnv,
  })
  await start()
  t.match(gateway.log(), `\n${commit}\n`)
})

t.test('a repository that cannot be cloned fails the job with git’s exit status', async t => {
  const jobEnv = { BUILDKITE_REPO: join(folder, 'nothing') }
  const { gateway, start } = await agentFor(t, { checkout: true, commands: ['echo never'], jobEnv })
  await start()
  t.equal(gateway.json('PUT finish')['exit_status'], '128')
  t.notMatch(gateway.log(), '$ echo never')
})

t.test('without a repository there is an empty folder', async t => {
  const { gateway, start } = await agentFor(t, { checkout: true, commands: ['ls -A | wc -l'] })
  await start()
  t.match(gateway.log(), /the job has no repository[\s\S]*\n\s*0\n$/)
})
