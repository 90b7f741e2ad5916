import type { Clock } from '../../clock.js'
import type { AgentJob } from '../../types/agent-job.js'
import type { AgentApi } from './api.js'
import { commandEnvironment } from './environment.js'
import type { ContainerInput, PodInput, PodReport, Roles } from './input.js'
import { runInGroup, type Ending } from './process-group.js'

/** Why a job is stopped before its end, in the words of `signal_reason`. */
export type StopReason = 'cancel' | 'agent_stop'

/** What everything that happens for one job needs. */
export interface JobContext {
  input: PodInput
  roles: Roles
  job: AgentJob
  /** The API under the job token. */
  api: AgentApi
  endpoint: string
  token: string
  /** The folder with the `buildkite-agent` command. */
  bin: string
  clock: Clock
  /** Aborted with a `StopReason` when the job is to stop. */
  interrupt: AbortSignal
  /** How long a command may take to stop, in milliseconds. */
  graceMs: number
  report: (report: PodReport) => void
  /** Adds output of a container to the job's log. */
  print: (container: string, data: Buffer) => void
}

/** Adds a line to the job's log. */
export function say(context: JobContext, container: ContainerInput, line: string): void {
  context.print(container.name, Buffer.from(`${line}\n`))
}

/** The environment that a container's commands have. */
export function environmentOf(
  context: JobContext,
  container: ContainerInput,
): Record<string, string> {
  const { roles, job, endpoint, token, bin, input } = context
  const host = Object.fromEntries(
    Object.entries(process.env).filter(
      (entry): entry is [string, string] => entry[1] !== undefined,
    ),
  )
  return commandEnvironment({
    host,
    agent: roles.agent?.env ?? {},
    job: job.env,
    container: container.env,
    endpoint,
    token,
    bin,
    workspace: input.workspace,
  })
}

/** Runs a program for a container, its output in the job's log. */
export function runFor(
  context: JobContext,
  container: ContainerInput,
  program: { argv: readonly string[]; cwd: string; env: Record<string, string> },
): Promise<Ending> {
  const { interrupt, graceMs, clock, report, print } = context
  return runInGroup({
    ...program,
    interrupt,
    graceMs,
    clock,
    onOutput: data => print(container.name, data),
    onGroup: (type, pid) => report({ type, pid }),
  })
}
