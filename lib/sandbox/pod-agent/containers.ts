import { checkOut } from './checkout.js'
import { exitStatus, runCommand } from './command.js'
import type { ContainerInput } from './input.js'
import { say, type JobContext, type StopReason } from './job-context.js'
import type { Ending } from './process-group.js'

const startTimeoutMs = 300_000

/** How a job ended, as `finish` tells it. */
export interface Outcome {
  /** A whole number; -1 when the job was stopped, or never ran. */
  exitStatus: number
  signalReason?: StopReason | 'process_run_error'
}

/** Runs the pod's containers one after the other, checkout first; the first that fails ends the job. */
export async function runContainers(context: JobContext): Promise<Outcome> {
  const { checkout, commands } = context.roles
  const steps: [ContainerInput, typeof runCommand][] = [
    ...(checkout ? [[checkout, checkOut] satisfies [ContainerInput, typeof runCommand]] : []),
    ...commands.map((each): [ContainerInput, typeof runCommand] => [each, runCommand]),
  ]
  let outcome: Outcome = { exitStatus: 0 }
  for (const [container, run] of steps) {
    const skipped = outcome.exitStatus !== 0 || outcome.signalReason !== undefined
    if (!skipped) outcome = await runContainer(context, container, run)
    const status = skipped ? 1 : outcome.exitStatus
    const exitCode = status < 0 ? 143 : status
    context.report({ type: 'terminated', container: container.name, exitCode })
  }
  return outcome
}

async function runContainer(
  context: JobContext,
  container: ContainerInput,
  run: typeof runCommand,
): Promise<Outcome> {
  const { interrupt, report } = context
  if (container.blocked) return waitInVain(context, container)
  if (interrupt.aborted) return stopped(interrupt)
  report({ type: 'running', container: container.name })
  const phases = container.env['BUILDKITE_BOOTSTRAP_PHASES'] ?? ''
  say(context, container, `~~~ Bootstrapping phases ${phases}`)
  const ending = await attempted(context, container, run)
  if (interrupt.aborted) {
    return ending.signal === null
      ? { ...stopped(interrupt), exitStatus: ending.code }
      : stopped(interrupt)
  }
  return { exitStatus: exitStatus(ending) }
}

async function attempted(
  context: JobContext,
  container: ContainerInput,
  run: typeof runCommand,
): Promise<Ending> {
  try {
    return await run(context, container)
  } catch (error) {
    say(context, container, `sandbox: ${(error as Error).message}`)
    return { code: 1, signal: null }
  }
}

/** A container that cannot start: the agent waits for it, as the real one does, for five minutes. */
async function waitInVain(context: JobContext, container: ContainerInput): Promise<Outcome> {
  const { clock, interrupt } = context
  await clock.sleep(startTimeoutMs, interrupt).catch(() => {})
  if (interrupt.aborted) return stopped(interrupt)
  say(context, container, `sandbox: container ${container.name} has not started`)
  return { exitStatus: -1, signalReason: 'process_run_error' }
}

function stopped(interrupt: AbortSignal): Outcome {
  return { exitStatus: -1, signalReason: interrupt.reason as StopReason }
}
