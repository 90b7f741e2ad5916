import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { runProgram, type Ended } from '../program/program.js'
import { kubeconfig } from './harness/env.js'
import { apply, kubectl } from './harness/kubectl.js'
import { makeNamespaces } from './harness/namespaces.js'

// `render --server-dry-run` asks the real API server, and makes nothing.

const folder = mkdtempSync(join(tmpdir(), 'render-'))
t.teardown(() => rmSync(folder, { recursive: true, force: true }))
const { jobs: namespace } = await makeNamespaces(t)

async function render(name: string, plugins: readonly object[]): Promise<Ended> {
  const steps = plugins.map(plugin => ({ command: 'true', plugins: [{ kubernetes: plugin }] }))
  const file = join(folder, `${name}.json`)
  writeFileSync(file, JSON.stringify({ steps }))
  const flags = ['--server-dry-run', `--kubeconfig=${kubeconfig}`, `--namespace=${namespace}`]
  return runProgram(['render', file, ...flags])
}

t.test('the API server says of each step whether it would take it', async t => {
  const misspelt = { podSpec: { containers: [{ image: 'a', imagePulPolicy: 'Always' }] } }
  const { status, stdout, stderr } = await render('misspelt', [{}, misspelt])
  t.equal(status, 1, 'one is refused')
  t.match(stdout, /kind: Job[^]*kind: Job/, 'both are shown')
  t.match(stderr, /step 1[^\n]*: accepted by /)
  t.match(stderr, /unknown field "spec\.template\.spec\.containers\[2\]\.imagePulPolicy"/)
  t.match(stderr, /did you mean imagePullPolicy/)
  const made = await kubectl(['get', 'jobs', '-n', namespace, '-o', 'name'])
  t.equal(made.trim(), '', 'and none is made')
})

t.test('a PodTemplate comes from the cluster', async t => {
  await apply({
    apiVersion: 'v1',
    kind: 'PodTemplate',
    metadata: { name: 'builder', namespace },
    template: { spec: { containers: [{ name: 'build', image: 'from-the-template:1' }] } },
  })
  const { status, stdout, stderr } = await render('templated', [{ podTemplate: 'builder' }])
  t.equal(status, 0, stderr)
  t.match(stdout, 'image: from-the-template:1')
})
