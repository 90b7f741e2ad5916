import { gzipSync } from 'node:zlib'
import type { Clock } from '../../clock.js'
import { ApiError, part, type AgentApi } from './api.js'
import { runContainers, type Outcome } from './containers.js'
import type { JobContext, StopReason } from './job-context.js'
import { LogStream } from './log-stream.js'
import { retried, retryRules } from './retry.js'

const stopStates = new Set(['canceling', 'canceled', 'timing_out', 'timed_out'])

/**
 * Runs an acquired job: start, containers with their log going up, state polls, finish. When start is refused nothing
 * else is done, finish neither, as in the real agent.
 * @throws ApiError, or what `fetch` throws, when start or finish is given up.
 */
export async function runJob(
  given: Omit<JobContext, 'print' | 'interrupt'> & { stop: AbortSignal; statusIntervalMs: number },
): Promise<Outcome> {
  const { api, job, clock, report, stop } = given
  const path = `jobs/${part(job.id)}`
  const started = { started_at: new Date(clock.now()).toISOString() }
  const start = () => api.call('PUT', `${path}/start`, { json: started })
  await retried(retryRules.start, clock, start)
  const log = new LogStream({
    upload: ({ sequence, offset, data }) => {
      const query = `sequence=${sequence}&offset=${offset}&size=${data.length}`
      const send = () => api.chunk(`${path}/chunks?${query}`, gzipSync(data))
      return retried(retryRules.chunk, clock, send).then(() => {})
    },
    maxBytes: job.chunks_max_size_bytes,
    intervalMs: (job.chunks_interval_seconds || 1) * 1000,
    clock,
  })
  const interrupt = new AbortController()
  const over = new AbortController()
  const onStop = () => interrupt.abort('agent_stop' satisfies StopReason)
  if (stop.aborted) onStop()
  stop.addEventListener('abort', onStop)
  const polling = pollState({
    api,
    path,
    clock,
    interrupt,
    over: over.signal,
    intervalMs: given.statusIntervalMs,
  })
  const outcome = await runContainers({
    ...given,
    interrupt: interrupt.signal,
    print: (container, data) => {
      log.write(data)
      report({ type: 'log', container, data: data.toString('base64') })
    },
  })
  stop.removeEventListener('abort', onStop)
  over.abort()
  await polling
  await log.close()
  await finish(api, path, { clock, outcome, failedChunks: log.failed })
  return outcome
}

/** Asks for the job's state again and again; a cancelled or timed-out job, or a 401, interrupts it. */
async function pollState(options: {
  api: AgentApi
  path: string
  clock: Clock
  interrupt: AbortController
  over: AbortSignal
  intervalMs: number
}): Promise<void> {
  const { api, path, clock, interrupt, over, intervalMs } = options
  const pause = (ms: number) => clock.sleep(ms, over).catch(() => {})
  await pause(clock.random() * intervalMs)
  while (!over.aborted && !interrupt.signal.aborted) {
    if (await isToStop(api, path)) interrupt.abort('cancel' satisfies StopReason)
    await pause(intervalMs + clock.random() * intervalMs)
  }
}

async function isToStop(api: AgentApi, path: string): Promise<boolean> {
  try {
    const { state } = (await api.json('GET', path)) as { state?: string }
    return stopStates.has(state ?? '')
  } catch (error) {
    return error instanceof ApiError && error.status === 401
  }
}

async function finish(
  api: AgentApi,
  path: string,
  how: { clock: Clock; outcome: Outcome; failedChunks: number },
): Promise<void> {
  const { clock, outcome, failedChunks } = how
  const json = {
    exit_status: String(outcome.exitStatus),
    ...(outcome.signalReason === undefined ? {} : { signal_reason: outcome.signalReason }),
    finished_at: new Date(clock.now()).toISOString(),
    chunks_failed_count: failedChunks,
  }
  await retried(retryRules.finish, clock, ({ leftMs = 0 }) => {
    const headers = { 'buildkite-timeout-milliseconds': String(Math.round(leftMs)) }
    return api.call('PUT', `${path}/finish`, { json, headers })
  })
}
