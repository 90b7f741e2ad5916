import { systemClock, type Clock } from '../../clock.js'
import { AgentApi } from './api.js'
import { retried, retryRules } from './retry.js'

/** What a command of the `buildkite-agent` stand-in works with. */
export interface CliContext {
  args: string[]
  env: Readonly<Record<string, string>>
  cwd: string
  clock: Clock
  api: AgentApi
  print: (text: string) => void
  tell: (text: string) => void
  readStdin: () => Promise<string>
}

/** One command: gives its exit status. */
export type CliCommand = (context: CliContext) => Promise<number>

/** What a person has done wrong: told in one line, exit status 1. */
export class CliError extends Error {}

/** The context of this process. @throws CliError when it does not run in a job. */
export function cliContext(args: string[]): CliContext {
  const env = Object.fromEntries(
    Object.entries(process.env).filter(
      (entry): entry is [string, string] => entry[1] !== undefined,
    ),
  )
  const token = required(env, 'BUILDKITE_AGENT_ACCESS_TOKEN')
  return {
    args,
    env,
    cwd: process.cwd(),
    clock: systemClock,
    api: new AgentApi(required(env, 'BUILDKITE_AGENT_ENDPOINT'), token),
    print: text => void process.stdout.write(text),
    tell: text => void process.stderr.write(`${text}\n`),
    readStdin,
  }
}

/** A variable that the command cannot do without. @throws CliError. */
export function required(env: Readonly<Record<string, string>>, name: string): string {
  const value = env[name]
  if (value === undefined || value === '')
    throw new CliError(`${name} is not set: does this run in a job?`)
  return value
}

/** Calls the API as the commands do: ten times, five seconds apart, unless the answer is final. */
export function calling<T>(context: CliContext, call: () => Promise<T>): Promise<T> {
  return retried(retryRules.command, context.clock, call)
}

async function readStdin(): Promise<string> {
  if (process.stdin.isTTY) return ''
  const parts: Buffer[] = []
  for await (const data of process.stdin as AsyncIterable<Buffer>) parts.push(data)
  return Buffer.concat(parts).toString()
}
