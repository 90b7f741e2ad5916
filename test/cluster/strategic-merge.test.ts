// Each case of test/pod/merge/cases on the real API server: what it makes of the patch is what we make of it, after
// its defaults. A case that we refuse, it refuses too.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import t from 'tap'
import { strategicMerge } from '../../lib/pod/merge/strategic.js'
import { mergeCases, type MergeCase } from '../pod/merge/cases.js'
import { programEnv } from './harness/env.js'
import { makeNamespaces, type Teardown } from './harness/namespaces.js'

interface PodTemplate {
  metadata: { name: string }
  template: Record<string, unknown>
  /** Of an error. */
  message?: string
}

t.test('the API server patches as we do', async t => {
  const { jobs } = await makeNamespaces(t)
  const templates = `${await startProxy(t)}/api/v1/namespaces/${jobs}/podtemplates`
  for (const one of mergeCases().filter(({ offline }) => offline === undefined)) {
    await t.test(`${one.name}: ${one.why}`, async t => {
      const original = manifest(one, one.original)
      const created = await send('POST', templates, original)
      t.equal(created.status, 201, created.body.message ?? '')
      const url = `${templates}/${one.name}?dryRun=All`
      const { template: patch } = manifest(one, one.patch)
      if (one.refused) {
        const { status, body } = await send('PATCH', `${url}&fieldValidation=Strict`, {
          template: patch,
        })
        t.ok(status >= 400, JSON.stringify(body))
        t.comment(`${status} ${body.message}`)
        return
      }
      const theirs = await send('PATCH', url, { template: patch })
      const merged = strategicMerge(one.original, one.patch, one.definition)
      const ours = await send('PUT', url, manifest(one, merged))
      t.equal(theirs.status, 200, theirs.body.message ?? '')
      t.equal(ours.status, 200, ours.body.message ?? '')
      t.same(ours.body.template, theirs.body.template)
    })
  }
})

// The object of a case in a PodTemplate, which the API server checks and gives defaults as it does pods.
function manifest({ name, definition }: MergeCase, object: object): PodTemplate {
  const containers = [{ name: 'a', image: 'one' }]
  const spec = { spec: object }
  const metadata = { metadata: object, spec: { containers } }
  return { metadata: { name }, template: definition === 'ObjectMeta' ? metadata : spec }
}

async function send(method: string, url: string, body: object) {
  const type = method === 'PATCH' ? 'application/strategic-merge-patch+json' : 'application/json'
  const headers = { 'content-type': type }
  const answer = await fetch(url, { method, headers, body: JSON.stringify(body) })
  return { status: answer.status, body: (await answer.json()) as PodTemplate }
}

// The URL of a proxy that authenticates for us: kubectl itself reads a patch before it sends it.
async function startProxy(t: Teardown): Promise<string> {
  const stdio = ['ignore', 'pipe', 'inherit'] as const
  const proxy = spawn('kubectl', ['proxy', '--port=0'], { env: programEnv, stdio: [...stdio] })
  const ended = once(proxy, 'close')
  t.teardown(async () => {
    proxy.kill()
    await ended
  })
  for await (const line of createInterface({ input: proxy.stdout })) {
    const [, address] = /^Starting to serve on (.+)$/.exec(line) ?? []
    if (address) return `http://${address}`
  }
  throw new Error('kubectl proxy ended')
}
