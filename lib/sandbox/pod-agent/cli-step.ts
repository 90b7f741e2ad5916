import { randomUUID } from 'node:crypto'
import { parseArgs } from 'node:util'
import { part } from './api.js'
import { calling, CliError, required, type CliCommand, type CliContext } from './cli-context.js'

/** `step get [ATTRIBUTE] [--step ID] [--build ID] [--format json]`: prints the attribute, or the whole step. */
export const stepGet: CliCommand = async context => {
  const { values, positionals } = read(context)
  const [attribute] = positionals
  const json = {
    ...(attribute ? { attribute } : {}),
    ...build(context, values.build),
    ...(values.format ? { format: values.format } : {}),
  }
  const path = `steps/${part(stepOf(context, values.step))}/export`
  const answer = await calling(context, () => context.api.json('POST', path, { json }))
  context.print((answer as { output?: string }).output ?? '')
  return 0
}

/** `step update ATTRIBUTE [VALUE] [--append] [--step ID] [--build ID]`; without VALUE, standard input. */
export const stepUpdate: CliCommand = async context => {
  const { values, positionals } = read(context)
  const [attribute, given] = positionals
  if (attribute === undefined) throw new CliError('an attribute is missing')
  const value = given ?? (await context.readStdin())
  const json = {
    idempotency_uuid: randomUUID(),
    ...build(context, values.build),
    attribute,
    ...(value === '' ? {} : { value }),
    ...(values.append ? { append: true } : {}),
  }
  const path = `steps/${part(stepOf(context, values.step))}`
  await calling(context, () => context.api.call('PUT', path, { json }))
  return 0
}

function read(context: CliContext) {
  return parseArgs({
    args: context.args,
    allowPositionals: true,
    options: {
      step: { type: 'string' },
      build: { type: 'string' },
      format: { type: 'string' },
      append: { type: 'boolean' },
    },
  })
}

function stepOf(context: CliContext, step: string | undefined): string {
  return step ?? required(context.env, 'BUILDKITE_STEP_ID')
}

function build(context: CliContext, given: string | undefined): { build_id?: string } {
  const id = given ?? context.env['BUILDKITE_BUILD_ID']
  return id ? { build_id: id } : {}
}
