import { parseArgs } from 'node:util'
import { ApiError, part } from './api.js'
import { calling, CliError, required, type CliCommand, type CliContext } from './cli-context.js'

/** `meta-data set KEY [VALUE]`; without VALUE, standard input. */
export const metaDataSet: CliCommand = async context => {
  const { values, positionals } = read(context)
  const key = keyOf(positionals)
  const value = positionals[1] ?? (await context.readStdin())
  const path = `jobs/${part(jobOf(context, values.job))}/data/set`
  await calling(context, () => context.api.call('POST', path, { json: { key, value } }))
  return 0
}

/** `meta-data get KEY [--default VALUE]`: the value without a newline after it. */
export const metaDataGet: CliCommand = async context => {
  const { values, positionals } = read(context)
  const json = { key: keyOf(positionals) }
  const path = `${placeOf(context, values)}/data/get`
  try {
    const answer = await calling(context, () => context.api.json('POST', path, { json }))
    context.print((answer as { value?: string }).value ?? '')
    return 0
  } catch (error) {
    const unset = error instanceof ApiError && error.status === 404
    if (!unset || values.default === undefined) throw error
    context.print(values.default)
    return 0
  }
}

/** `meta-data exists KEY`: exit status 0 when it is set, 100 when it is not. */
export const metaDataExists: CliCommand = async context => {
  const { values, positionals } = read(context)
  const json = { key: keyOf(positionals) }
  const path = `${placeOf(context, values)}/data/exists`
  const answer = await calling(context, () => context.api.json('POST', path, { json }))
  return (answer as { exists?: boolean }).exists ? 0 : 100
}

/** `meta-data keys`: one on each line. */
export const metaDataKeys: CliCommand = async context => {
  const { values } = read(context)
  const path = `${placeOf(context, values)}/data/keys`
  const keys = (await calling(context, () => context.api.json('POST', path))) as string[]
  for (const key of keys) context.print(`${key}\n`)
  return 0
}

function read(context: CliContext) {
  return parseArgs({
    args: context.args,
    allowPositionals: true,
    options: { default: { type: 'string' }, job: { type: 'string' }, build: { type: 'string' } },
  })
}

function keyOf(positionals: string[]): string {
  const [key] = positionals
  if (key === undefined || key === '') throw new CliError('a key is missing')
  return key
}

function jobOf(context: CliContext, job: string | undefined): string {
  return job ?? required(context.env, 'BUILDKITE_JOB_ID')
}

function placeOf(context: CliContext, values: { job?: string; build?: string }): string {
  const build = values.build ?? context.env['BUILDKITE_METADATA_BUILD_ID']
  return build ? `builds/${part(build)}` : `jobs/${part(jobOf(context, values.job))}`
}
