import { mkdir, mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, normalize, resolve } from 'node:path'
import type { V1Job } from '@kubernetes/client-node'
import { stringify } from 'yaml'
import type { Emulator } from './buildkite/server.js'

/** The folder that a sandbox leaves behind, made here: `manifests/`, `logs/`, `artifacts/`. A new one when none is named. */
export async function traceFolder(named: string | undefined): Promise<string> {
  const folder =
    named === undefined ? await mkdtemp(join(tmpdir(), 'job-spawner-sandbox-')) : resolve(named)
  for (const part of ['manifests', 'logs', 'artifacts'])
    await mkdir(join(folder, part), { recursive: true })
  return folder
}

/** Writes a Job as it is sent to the API server. */
export async function traceManifest(folder: string, job: V1Job): Promise<void> {
  await writeFile(join(folder, 'manifests', `${job.metadata?.name}.yaml`), stringify(job))
}

/** Writes the logs and artifacts of everything that ran. */
export async function traceBuilds(folder: string, emulator: Emulator): Promise<void> {
  for (const { id, log } of emulator.jobs()) await writeFile(join(folder, 'logs', `${id}.log`), log)
  for (const { id } of emulator.builds()) {
    for (const { path, content } of emulator.artifacts(id)) {
      // A job names its artifacts as it likes: none lands outside the folder.
      const file = join(folder, 'artifacts', normalize(join('/', path)))
      await mkdir(dirname(file), { recursive: true })
      await writeFile(file, content ?? '')
    }
  }
}
