// The program behind the `buildkite-agent` command of a sandbox job.
import { messageOf } from '../../errors.js'
import { runCli } from './cli-commands.js'
import { cliContext } from './cli-context.js'

try {
  process.exitCode = await runCli(cliContext(process.argv.slice(2)))
} catch (error) {
  process.stderr.write(`buildkite-agent: ${messageOf(error)}\n`)
  process.exitCode = 1
}
