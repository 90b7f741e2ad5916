import { messageOf } from '../../errors.js'
import { annotate } from './cli-annotate.js'
import { artifactDownload, artifactUpload } from './cli-artifact.js'
import type { CliCommand, CliContext } from './cli-context.js'
import { metaDataExists, metaDataGet, metaDataKeys, metaDataSet } from './cli-meta-data.js'
import { pipelineUpload } from './cli-pipeline.js'
import { stepGet, stepUpdate } from './cli-step.js'

const commands: Record<string, CliCommand> = {
  annotate,
  'artifact download': artifactDownload,
  'artifact upload': artifactUpload,
  'meta-data exists': metaDataExists,
  'meta-data get': metaDataGet,
  'meta-data keys': metaDataKeys,
  'meta-data set': metaDataSet,
  'pipeline upload': pipelineUpload,
  'step get': stepGet,
  'step update': stepUpdate,
}

/** Runs the command that the arguments name; gives its exit status. What went wrong is told, not thrown. */
export async function runCli(context: CliContext): Promise<number> {
  const [first = '', second = ''] = context.args
  const words = first in commands ? 1 : 2
  const name = words === 1 ? first : `${first} ${second}`
  const command = commands[name]
  if (!command) {
    const known = Object.keys(commands).join(', ')
    context.tell(
      `buildkite-agent ${name.trim()}: not in the sandbox's stand-in, which has: ${known}`,
    )
    return 1
  }
  try {
    return await command({ ...context, args: context.args.slice(words) })
  } catch (error) {
    context.tell(`buildkite-agent ${name}: ${messageOf(error)}`)
    return 1
  }
}
