import { parseArgs } from 'node:util'
import { part } from './api.js'
import { calling, CliError, required, type CliCommand } from './cli-context.js'

const longest = 1024 * 1024

/** `annotate [BODY] [--style S] [--context C] [--append] [--priority N] [--scope S] [--job ID]`; without BODY, standard input. */
export const annotate: CliCommand = async context => {
  const { values, positionals } = parseArgs({
    args: context.args,
    allowPositionals: true,
    options: {
      style: { type: 'string' },
      context: { type: 'string' },
      append: { type: 'boolean' },
      priority: { type: 'string', default: '3' },
      scope: { type: 'string', default: 'build' },
      job: { type: 'string' },
    },
  })
  const body = positionals[0] ?? (await context.readStdin())
  if (Buffer.byteLength(body) > longest) {
    throw new CliError(`an annotation may have ${longest} bytes at most`)
  }
  const job = values.job ?? required(context.env, 'BUILDKITE_JOB_ID')
  const json = {
    ...(body === '' ? {} : { body }),
    ...(values.context ? { context: values.context } : {}),
    ...(values.style ? { style: values.style } : {}),
    ...(values.append ? { append: true } : {}),
    priority: Number(values.priority),
    scope: values.scope,
  }
  await calling(context, () => context.api.call('POST', `jobs/${part(job)}/annotations`, { json }))
  return 0
}
