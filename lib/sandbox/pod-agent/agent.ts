import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../../clock.js'
import { messageOf } from '../../errors.js'
import type { AgentJob } from '../../types/agent-job.js'
import type { AgentRegistration } from '../../types/agent-registration.js'
import { AgentApi, serverHeaders } from './api.js'
import { rolesOf, type ContainerInput, type PodInput, type PodReport } from './input.js'
import { standInProgram } from './program.js'
import { retried, retryRules } from './retry.js'
import { runJob } from './run-job.js'
import { acquire, beat, NotAcquired, register } from './session.js'
import { registrationToken } from './token.js'

/** The exit status of an agent whose job was not to be had. */
const notAcquired = 27

/** What the stand-in for the pod agent is given. */
export interface PodAgentOptions {
  input: PodInput
  clock: Clock
  report: (report: PodReport) => void
  /** Aborted when the pod is to end: the job is stopped, and finished as `agent_stop`. */
  stop: AbortSignal
}

/**
 * Plays the pod: the calls of `buildkite-agent start --acquire-job --kubernetes-exec` in their order (agent-api.md §4.5),
 * and the containers' work as local processes. Gives the exit status of the agent container.
 */
export async function runPodAgent(options: PodAgentOptions): Promise<number> {
  const { input, report } = options
  const { agent, others } = rolesOf(input)
  for (const container of others) {
    report({ type: 'running', container: container.name })
    if (!container.sidecar) report({ type: 'terminated', container: container.name, exitCode: 0 })
  }
  if (agent) report({ type: 'running', container: agent.name })
  const exitCode = agent ? await runAgent(options, agent) : 1
  if (agent) report({ type: 'terminated', container: agent.name, exitCode })
  // Whatever has not had its turn ends with the agent.
  for (const container of [...input.initContainers, ...input.containers]) {
    const { sidecar, name } = container
    report({ type: 'terminated', container: name, exitCode: sidecar ? 0 : 1 })
  }
  return exitCode
}

async function runAgent(options: PodAgentOptions, agent: ContainerInput): Promise<number> {
  const { clock, stop } = options
  const configured = agent.env['BUILDKITE_AGENT_ENDPOINT'] ?? ''
  const say = (text: string) => tell(options, agent, text)
  try {
    const api = new AgentApi(configured, registrationToken(agent))
    const registration = await register(api, agent, clock)
    say(`registered as ${registration.name}`)
    const endpoint = registration.endpoint || configured
    const headers = serverHeaders({ ...registration })
    const session = new AgentApi(endpoint, registration.access_token, headers)
    await retried(retryRules.connect, clock, () => session.call('POST', 'connect'))
    const lost = new AbortController()
    const ended = AbortSignal.any([stop, lost.signal])
    const over = new AbortController()
    const beating = beat({ session, clock, registration, over: over.signal, lost })
    try {
      return await work({ ...options, stop: ended }, agent, { session, registration, endpoint })
    } finally {
      over.abort()
      await beating
      const disconnect = () => session.call('POST', 'disconnect')
      await retried(retryRules.disconnect, clock, disconnect).catch(() => {})
    }
  } catch (error) {
    say(`failed: ${messageOf(error)}`)
    return 1
  }
}

interface Session {
  session: AgentApi
  registration: AgentRegistration
  endpoint: string
}

/** Acquires and runs the job, then pings once, as an agent that has only one job to do. */
async function work(
  options: PodAgentOptions,
  agent: ContainerInput,
  given: Session,
): Promise<number> {
  const { clock, stop } = options
  const { session, registration } = given
  let exitCode = 0
  try {
    const job = await acquire(session, agent.env['BUILDKITE_AGENT_ACQUIRE_JOB'] ?? '', clock)
    exitCode = await runAcquired(options, agent, { ...given, job })
  } catch (error) {
    tell(options, agent, messageOf(error))
    if (error instanceof NotAcquired) return notAcquired
  }
  if (stop.aborted) return exitCode
  await clock.sleep(clock.random() * registration.ping_interval * 1000, stop).catch(() => {})
  if (!stop.aborted) await session.call('GET', 'ping').catch(() => {})
  return exitCode
}

async function runAcquired(
  options: PodAgentOptions,
  agent: ContainerInput,
  { session, registration, endpoint, job }: Session & { job: AgentJob },
): Promise<number> {
  const { input, clock, report, stop } = options
  const token = job.token || registration.access_token
  const outcome = await runJob({
    input,
    roles: rolesOf(input),
    job,
    api: session.as(token),
    endpoint,
    token,
    bin: writeCommand(input),
    clock,
    graceMs: graceMs(agent),
    report,
    stop,
    statusIntervalMs: registration.job_status_interval * 1000,
  })
  tell(options, agent, `finished job ${job.id}: exit status ${outcome.exitStatus}`)
  const reflect = agent.env['BUILDKITE_AGENT_REFLECT_EXIT_STATUS'] === 'true'
  return reflect ? outcome.exitStatus & 0xff : 0
}

/** Puts the stand-in for the `buildkite-agent` command into the pod's folder; gives the folder to put on the PATH. */
function writeCommand(input: PodInput): string {
  const bin = join(input.root, 'bin')
  const path = join(bin, 'buildkite-agent')
  mkdirSync(bin, { recursive: true })
  const quoted = [process.execPath, standInProgram('cli.js')].map(
    text => `'${text.replaceAll("'", "'\\''")}'`,
  )
  writeFileSync(path, `#!/bin/sh\nexec ${quoted.join(' ')} "$@"\n`)
  chmodSync(path, 0o755)
  writeInit(input)
  return bin
}

/** Puts a stand-in for the tini that copy-agent leaves in the workspace: it runs what it is given, and reaps nothing. */
function writeInit({ workspace }: PodInput): void {
  const path = join(workspace, 'tini-static')
  mkdirSync(workspace, { recursive: true })
  writeFileSync(path, '#!/bin/sh\nwhile [ "$1" != -- ]; do shift; done\nshift\nexec "$@"\n')
  chmodSync(path, 0o755)
}

function graceMs(agent: ContainerInput): number {
  const cancel = Number(agent.env['BUILDKITE_CANCEL_GRACE_PERIOD'] ?? 10)
  const signal = Number(agent.env['BUILDKITE_SIGNAL_GRACE_PERIOD_SECONDS'] ?? -1)
  return Math.max(0, signal < 0 ? cancel + signal : signal) * 1000
}

function tell({ report }: PodAgentOptions, agent: ContainerInput, text: string): void {
  const data = Buffer.from(`sandbox agent: ${text}\n`).toString('base64')
  report({ type: 'log', container: agent.name, data })
}
