import { chmodSync, statSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { ContainerInput } from './input.js'
import { environmentOf, runFor, say, type JobContext } from './job-context.js'
import type { Ending } from './process-group.js'

/** What a command container does: its command by the job's shell, in the checkout folder, then the artifacts. */
export async function runCommand(context: JobContext, container: ContainerInput): Promise<Ending> {
  const env = environmentOf(context, container)
  const cwd = env['BUILDKITE_BUILD_CHECKOUT_PATH'] ?? context.input.workspace
  await mkdir(cwd, { recursive: true })
  const command = container.env['BUILDKITE_COMMAND'] ?? ''
  say(
    context,
    container,
    `sandbox: image ${container.image} is not used; the command runs as a local process`,
  )
  if (command.trim() === '') {
    say(context, container, 'The command phase has no `command` to execute')
    return { code: 1, signal: null }
  }
  const script = scriptOf(command, cwd)
  say(context, container, script === undefined ? '~~~ Running commands' : '~~~ Running script')
  say(context, container, `$ ${script ?? command}`)
  const shell = shellWords(env['BUILDKITE_SHELL'] ?? '/bin/sh -ec')
  const ending = await runFor(context, container, { argv: [...shell, script ?? command], cwd, env })
  if (context.interrupt.aborted) return ending
  const code = exitStatus(ending)
  if (code !== 0) say(context, container, '^^^ +++')
  if (code !== 0) say(context, container, `🚨 Error: The command exited with status ${code}`)
  const uploaded = await uploadArtifacts(context, container, { cwd, env })
  return code === 0 ? uploaded : ending
}

/** The words of BUILDKITE_SHELL, as far as the agent's own splitting is needed: double quotes, and a backslash in them. */
export function shellWords(text: string): string[] {
  const words = text.match(/(?:"(?:[^"\\]|\\.)*"|[^\s"])+/gs) ?? []
  return words.map(word =>
    word.replaceAll(/"((?:[^"\\]|\\.)*)"/gs, (_, inner: string) =>
      inner.replaceAll(/\\(.)/gs, '$1'),
    ),
  )
}

/** The exit status that is told for an ending: 128 and the signal's number when it was ended by one. */
export function exitStatus(ending: Ending): number {
  if (ending.signal === null) return ending.code
  const numbers: Partial<Record<NodeJS.Signals, number>> = {
    SIGHUP: 1,
    SIGINT: 2,
    SIGKILL: 9,
    SIGTERM: 15,
  }
  return 128 + (numbers[ending.signal] ?? 0)
}

async function uploadArtifacts(
  context: JobContext,
  container: ContainerInput,
  place: { cwd: string; env: Record<string, string> },
): Promise<Ending> {
  const paths = place.env['BUILDKITE_ARTIFACT_PATHS'] ?? ''
  if (paths === '') return { code: 0, signal: null }
  say(context, container, '~~~ Uploading artifacts')
  say(context, container, `$ buildkite-agent artifact upload ${paths}`)
  return runFor(context, container, {
    argv: ['buildkite-agent', 'artifact', 'upload', paths],
    ...place,
  })
}

/** A command that is the name of a file of the checkout is run as that file, as the real agent does. */
function scriptOf(command: string, cwd: string): string | undefined {
  const name = command.replaceAll('\n', '')
  const path = join(cwd, name)
  if (name.includes('\0') || !statSync(path, { throwIfNoEntry: false })?.isFile()) return undefined
  chmodSync(path, 0o755)
  return `./${name.replace(/^\.\//, '')}`
}
