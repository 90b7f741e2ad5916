import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { goldenCases } from '../pod/golden-cases.js'
import { programEnv } from './harness/env.js'
import { removeNamespaces } from './harness/namespaces.js'

// The goldens of the pod builder, as the real API server sees them.

const folder = mkdtempSync(join(tmpdir(), 'goldens-'))
t.teardown(() => rmSync(folder, { recursive: true, force: true }))
const jobs = goldenCases().flatMap(({ name, build }) => {
  const built = build()
  return 'job' in built ? [{ file: join(folder, `${name}.json`), name, job: built.job }] : []
})

async function kubectl(args: readonly string[]): Promise<{ stdout: string; stderr: string }> {
  try {
    return await promisify(execFile)('kubectl', args, { env: programEnv, maxBuffer: 2 ** 26 })
  } catch (error) {
    return error as { stdout: string; stderr: string }
  }
}

t.test('the API server takes each golden Job, strictly', async t => {
  t.ok(jobs.length >= 12, 'there are goldens')
  for (const name of new Set(jobs.map(({ job }) => job.metadata?.namespace ?? 'default'))) {
    const { stdout } = await kubectl(['create', 'namespace', name])
    if (stdout.includes('created')) t.teardown(() => removeNamespaces([name]))
  }
  for (const { file, job } of jobs) writeFileSync(file, JSON.stringify(job))
  // One call for all: it goes on past a file that is refused, and says which one it was.
  const flags = ['--dry-run=server', '--validate=strict', '-o', 'name']
  const { stdout, stderr } = await kubectl(['create', ...flags, '-f', folder])
  const refusals = stderr.split(/\n(?=Error from server)/)
  for (const { file, name } of jobs) {
    t.same(
      refusals.filter(refusal => refusal.includes(`"${file}"`)),
      [],
      name,
    )
  }
  t.equal(stdout.split('\n').filter(Boolean).length, jobs.length, stderr)
})
