import { createHash, randomUUID } from 'node:crypto'
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { ApiError, part, userAgent } from './api.js'
import { calling, CliError, required, type CliCommand, type CliContext } from './cli-context.js'
import { glob } from './glob.js'

const batchSize = 30

interface Artifact {
  id: string
  path: string
  absolute_path: string
  glob_path: string
  file_size: number
  sha1sum: string
  sha256sum: string
  job_id: string
  created_at: string
  content_type: string
}

interface Instructions {
  action: { url: string; method: string; path: string; file_input: string }
  data?: Record<string, string>
}

/** `artifact upload 'GLOB;GLOB' [--job ID]`: creates the artifacts, uploads each to where it is told, and says so. */
export const artifactUpload: CliCommand = async context => {
  const options = { job: { type: 'string' } } as const
  const { values, positionals } = parseArgs({ args: context.args, allowPositionals: true, options })
  const [paths, destination] = positionals
  if (paths === undefined) throw new CliError('a path or pattern is missing')
  if (destination !== undefined)
    throw new CliError('other destinations are not in the sandbox’s stand-in')
  const patterns = paths.split(';').map(pattern => pattern.trim())
  const files = patterns.filter(Boolean).flatMap(pattern => glob(pattern, context.cwd))
  const unique = [...new Set(files)]
  if (unique.length === 0) {
    context.tell(`No files matched paths: ${paths}`)
    return 0
  }
  const job = values.job ?? required(context.env, 'BUILDKITE_JOB_ID')
  const artifacts = await Promise.all(unique.map(file => describe(context.cwd, file)))
  for (let at = 0; at < artifacts.length; at += batchSize) {
    await uploadBatch(context, `jobs/${part(job)}/artifacts`, artifacts.slice(at, at + batchSize))
  }
  for (const { path, file_size: size } of artifacts)
    context.tell(`Uploaded ${path} (${size} bytes)`)
  return 0
}

/** `artifact download QUERY FOLDER [--step S] [--build ID]`: into a folder that exists. */
export const artifactDownload: CliCommand = async context => {
  const { values, positionals } = parseArgs({
    args: context.args,
    allowPositionals: true,
    options: {
      step: { type: 'string' },
      build: { type: 'string' },
      'include-retried-jobs': { type: 'boolean' },
    },
  })
  const [query, folder] = positionals
  if (query === undefined || folder === undefined) throw new CliError('QUERY and FOLDER are needed')
  const into = resolve(context.cwd, folder)
  if (!(await stat(into).catch(() => undefined))?.isDirectory()) {
    throw new CliError(`${folder} is not a folder`)
  }
  const build = values.build ?? required(context.env, 'BUILDKITE_BUILD_ID')
  const search = new URLSearchParams({ query, state: 'finished' })
  if (values.step) search.set('scope', values.step)
  if (values['include-retried-jobs']) search.set('include_retried_jobs', 'true')
  const path = `builds/${part(build)}/artifacts/search?${search.toString()}`
  const found = await calling(context, () => context.api.json('GET', path))
  const artifacts = found as { path: string; url: string }[]
  if (artifacts.length === 0) throw new CliError('no artifacts found for downloading')
  for (const artifact of artifacts) await download(context, artifact, into)
  return 0
}

async function describe(cwd: string, file: string): Promise<Artifact> {
  const absolute = resolve(cwd, file)
  const data = await readFile(absolute)
  const sum = (algorithm: string) => createHash(algorithm).update(data).digest('hex')
  return {
    id: '',
    path: file.replace(/^\/+/, ''),
    absolute_path: absolute,
    glob_path: '',
    file_size: data.length,
    sha1sum: sum('sha1'),
    sha256sum: sum('sha256'),
    job_id: '',
    created_at: '0001-01-01T00:00:00Z',
    content_type: 'binary/octet-stream',
  }
}

async function uploadBatch(
  context: CliContext,
  path: string,
  artifacts: Artifact[],
): Promise<void> {
  const json = { id: randomUUID(), artifacts, upload_destination: '' }
  const answer = (await calling(context, () => context.api.json('POST', path, { json }))) as {
    artifact_ids: string[]
    upload_instructions: Instructions
  }
  const states = await Promise.all(
    artifacts.map(async (artifact, i) => {
      const id = answer.artifact_ids[i] ?? ''
      const send = () => uploadForm(answer.upload_instructions, artifact)
      const failed = await calling(context, send).then(
        () => undefined,
        (error: unknown) => error as Error,
      )
      if (failed) context.tell(`Could not upload ${artifact.path}: ${failed.message}`)
      return { id, state: failed ? 'error' : 'finished' }
    }),
  )
  await calling(context, () => context.api.call('PUT', path, { json: { artifacts: states } }))
  if (states.some(({ state }) => state === 'error'))
    throw new CliError('not all artifacts were uploaded')
}

async function uploadForm({ action, data = {} }: Instructions, artifact: Artifact): Promise<void> {
  const form = new FormData()
  for (const [key, value] of Object.entries(data)) {
    form.append(key, value.replaceAll('${artifact:path}', artifact.path))
  }
  const type = artifact.content_type
  // The storage wants the file to be the last field.
  const file = new Blob([await readFile(artifact.absolute_path)], { type })
  form.append(action.file_input, file, basename(artifact.path))
  const url = new URL(action.url)
  url.pathname = action.path
  const response = await fetch(url, {
    method: action.method,
    headers: { 'user-agent': userAgent },
    body: form,
  })
  const text = await response.text()
  if (!response.ok) throw new ApiError(response.status, `${response.status} ${text.slice(0, 200)}`)
}

async function download(
  context: CliContext,
  artifact: { path: string; url: string },
  into: string,
): Promise<void> {
  const steps = artifact.path.replaceAll('\\', '/').split('/')
  const safe = steps.filter(step => step !== '' && step !== '.' && step !== '..')
  // A folder of the same name as the first step is that step, as with the real agent.
  const target = join(safe[0] === basename(into) ? dirname(into) : into, ...safe)
  const data = await calling(context, async () => {
    const response = await fetch(artifact.url, { headers: { 'user-agent': userAgent } })
    const body = Buffer.from(await response.arrayBuffer())
    if (!response.ok) throw new ApiError(response.status, `${artifact.path}: ${response.status}`)
    return body
  })
  await mkdir(dirname(target), { recursive: true })
  await writeFile(target, data)
  context.tell(`Downloaded ${artifact.path} (${data.length} bytes)`)
}
