import { agentVersion, version } from '../version.js'
import type { CommandContext } from './command.js'

/** `job-spawner version`: ours, and that of the agent whose protocol we speak. */
export async function versionCommand({ stdout }: CommandContext): Promise<number> {
  stdout.write(
    `job-spawner ${version} (agent protocol of buildkite-agent ${agentVersion}, node ${process.version})\n`,
  )
  return 0
}
