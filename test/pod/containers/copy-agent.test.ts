import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { copyAgentDraft } from '../../../lib/pod/containers/copy-agent.js'
import { podSettings } from '../settings.js'

const container = copyAgentDraft(podSettings)

t.test('the workspace gets the agent, tini, and directories that all may write to', async t => {
  for (const place of ['sbin', 'usr/bin']) {
    const root = image(t, ['usr/local/bin/buildkite-agent', `${place}/tini-static`])
    t.equal(run(root).status, 0, place)
    t.ok(existsSync(join(root, 'workspace/buildkite-agent')))
    t.ok(existsSync(join(root, 'workspace/tini-static')))
    for (const name of ['build', 'plugins', 'sockets']) {
      t.equal(statSync(join(root, 'workspace', name)).mode % 0o1000, 0o777, name)
    }
    t.equal(run(root).status, 0, 'a workspace that has been prepared before is fine')
  }
})

t.test('an image that lacks one of them is named as the fault', async t => {
  const table: [string[], string][] = [
    [['sbin/tini-static'], 'buildkite-agent is not in the agent image'],
    [['usr/local/bin/buildkite-agent'], 'tini-static (in '],
  ]
  for (const [files, wanted] of table) {
    const { status, stderr } = run(image(t, files))
    t.equal(status, 1)
    t.match(stderr, wanted)
  }
})

/** A root directory with these files in it. */
function image(t: Test, files: string[]): string {
  const root = t.testdir({})
  for (const folder of ['usr/local/bin', 'usr/bin', 'sbin', 'workspace']) {
    mkdirSync(join(root, folder), { recursive: true })
  }
  for (const file of files) writeFileSync(join(root, file), '')
  return root
}

/** Runs the container's script with that root in the place of `/`. */
function run(root: string) {
  const [shell = '', flags = ''] = container.command ?? []
  const script = container.args?.[0] ?? ''
  const moved = script.replaceAll(/(?<=[\s=])\/(?=workspace|usr|sbin)/g, () => `${root}/`)
  return spawnSync(shell, [flags, moved], { encoding: 'utf8' })
}
