import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { parse } from 'yaml'
import { part, type ApiAnswer } from './api.js'
import { CliError, required, type CliCommand, type CliContext } from './cli-context.js'
import { interpolated } from './interpolate.js'
import { retried, retryRules, type Attempt } from './retry.js'

const attempts = 60
const usualFiles = ['buildkite', '.buildkite/pipeline', 'buildkite/pipeline'].flatMap(name =>
  ['yml', 'yaml', 'json'].map(extension => `${name}.${extension}`),
)

/** `pipeline upload [FILE] [--replace] [--no-interpolation] [--dry-run]`: FILE, else standard input, else the usual files. */
export const pipelineUpload: CliCommand = async context => {
  const { values, positionals } = parseArgs({
    args: context.args,
    allowPositionals: true,
    options: {
      replace: { type: 'boolean' },
      'no-interpolation': { type: 'boolean' },
      'dry-run': { type: 'boolean' },
      job: { type: 'string' },
    },
  })
  const parsed: unknown = parse(await source(context, positionals[0]))
  const read: unknown = Array.isArray(parsed) ? { steps: parsed as unknown[] } : parsed
  if (typeof read !== 'object' || read === null) throw new CliError('the pipeline has no steps')
  const pipeline = values['no-interpolation'] ? read : interpolated(read, context.env)
  if (values['dry-run']) {
    context.print(`${JSON.stringify(pipeline, undefined, 2)}\n`)
    return 0
  }
  const job = values.job ?? required(context.env, 'BUILDKITE_JOB_ID')
  const uuid = randomUUID()
  const json = { uuid, pipeline, ...(values.replace ? { replace: true } : {}) }
  const answer = await retried({ ...retryRules.command, attempts }, context.clock, ({ tried }) => {
    const headers = backoffHeader(tried)
    return context.api.call('POST', `jobs/${part(job)}/pipelines?async=true`, { json, headers })
  })
  if (answer.status === 202) await untilApplied(context, answer, { job, uuid })
  context.tell('Successfully uploaded and parsed the pipeline')
  return 0
}

async function source(context: CliContext, file: string | undefined): Promise<string> {
  if (file !== undefined) return readFile(resolve(context.cwd, file), 'utf8')
  const piped = await context.readStdin()
  if (piped.trim() !== '') return piped
  const found = usualFiles.filter(name => existsSync(resolve(context.cwd, name)))
  const [only, ...more] = found
  if (only === undefined) throw new CliError('there is no pipeline file')
  if (more.length > 0)
    throw new CliError(`there is more than one pipeline file: ${found.join(', ')}`)
  return readFile(resolve(context.cwd, only), 'utf8')
}

async function untilApplied(
  context: CliContext,
  first: ApiAnswer,
  { job, uuid }: { job: string; uuid: string },
): Promise<void> {
  const location = /jobs\/([^/]+)\/pipelines\/([^/]+)/.exec(first.headers.get('location') ?? '')
  if (location?.[1] !== job || location[2] !== uuid) {
    throw new CliError('the place to ask for the upload is not that of this upload')
  }
  await context.clock.sleep(waitMs(first))
  for (let tried = 0; tried < attempts; tried++) {
    const answer = await ask(context, `jobs/${part(job)}/pipelines/${part(uuid)}`, tried)
    const { state, message } = JSON.parse(answer.text) as { state?: string; message?: string }
    if (state === 'applied') return
    if (state !== 'pending' && state !== 'processing') {
      throw new CliError(`pipeline upload ${state ?? 'failed'}: ${message ?? ''}`)
    }
    await context.clock.sleep(waitMs(answer))
  }
  throw new CliError('the pipeline upload has not been applied')
}

function ask(context: CliContext, path: string, before: number): Promise<ApiAnswer> {
  const call = ({ tried }: Attempt) =>
    context.api.call('GET', path, { headers: backoffHeader(before + tried) })
  return retried(retryRules.command, context.clock, call)
}

function waitMs({ headers }: ApiAnswer): number {
  const seconds = Number(headers.get('retry-after') ?? Number.NaN)
  return Number.isFinite(seconds) ? seconds * 1000 : 1000
}

function backoffHeader(tried: number): Record<string, string> {
  return { 'x-buildkite-backoff-sequence': String(tried) }
}
