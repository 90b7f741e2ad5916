import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { layersDiff, paint } from '../../../lib/commands/render/diff.js'
import { linePaths } from '../../../lib/commands/render/line-paths.js'
import { render } from '../../../lib/commands/render/render.js'
import type { Layer } from '../../../lib/pod/layers.js'
import { runCommand } from '../run-command.js'

const config = `job-ttl: 5m
pod-spec-patch:
  containers:
    - name: agent
      resources: { requests: { cpu: 100m } }
`

const pipeline = `steps:
  - label: build
    command: make test
    image: golang:1.24
    plugins:
      - kubernetes:
          podSpecPatch:
            nodeSelector: { disk: ssd }
            containers:
              - name: container-0
                env: [{ name: CI_DEBUG, value: "1" }]
`

t.test('a diff tells which layer a field comes from, on one screen', async t => {
  const file = join(t.testdir({ 'c.yml': config }), 'c.yml')
  const { stdout, status } = await runCommand(render, ['-', '--diff', `--config=${file}`], {
    stdin: pipeline,
  })
  t.equal(status, 0)
  const golden = new URL('layers.diff', import.meta.url)
  if (t.writeSnapshot) writeFileSync(golden, stdout)
  t.equal(stdout, existsSync(golden) ? readFileSync(golden, 'utf8') : 'run tap --snapshot')
  t.ok(stdout.split('\n').length <= 70, 'it fits')
})

function layer(name: string, spec: unknown): Layer {
  return { name, job: { metadata: { name: 'j' }, spec } as never }
}

t.test('layers that change nothing are not shown, and one layer has no diff', async t => {
  t.equal(layersDiff([layer('a', {})], paint(false)), '')
  t.equal(layersDiff([layer('a', { x: 1 }), layer('b', { x: 1 })], paint(false)), '')
})

t.test('a hunk says where its first change stands, with names in the place of numbers', async t => {
  const containers = (env: unknown[]) => ({ containers: [{ name: 'main', env }] })
  const lower = layer('a', containers([{ name: 'A', value: '1' }]))
  const changed = layer('b', containers([{ name: 'A', value: '2' }]))
  const added = layer(
    'b',
    containers([
      { name: 'A', value: '1' },
      { name: 'B', value: '' },
    ]),
  )
  t.match(layersDiff([lower, changed], paint(false)), / @@ spec\.containers\[main\]\.env\[A\]\n/)
  t.match(layersDiff([lower, added], paint(false)), / @@ spec\.containers\[main\]\.env\n/)
  t.match(layersDiff([added, lower], paint(false)), / @@ spec\.containers\[main\]\.env\n/)
})

t.test('each line of a manifest has its place', async t => {
  const text = 'a:\n  - name: n\n    text: |\n      one\n\n      two\n  - x\nb:\n  c.d/e: {f: 1}\n'
  t.same(linePaths(text), ['', 'a', 'a[n]', 'a[n]', 'a[n]', 'a[n]', 'a', '', 'b', 'b'])
})

t.test('there are colours on a terminal, and none when they are not wanted', async t => {
  const words = ['-', '--diff']
  const options = { stdin: pipeline, tty: true }
  t.match((await runCommand(render, words, options)).stdout, /\u001b\[32m\+ /)
  const plain = await runCommand(render, words, { ...options, env: { NO_COLOR: '1' } })
  t.notMatch(plain.stdout, /\u001b/)
})
