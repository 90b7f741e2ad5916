import { systemClock } from '../clock.js'
import { loadConfig } from '../config/load.js'
import { makeLog, type Log } from '../log.js'
import type { JobSpawner } from '../run/spawner.js'
import { version } from '../version.js'
import type { CommandContext } from './command.js'

/**
 * `job-spawner run`: until SIGTERM or SIGINT. The first lets running jobs go on for the grace; the second, or the end of
 * the grace, leaves them to the next process, which goes on with them.
 */
export async function run({ argv, env, stderr }: CommandContext): Promise<number> {
  const config = loadConfig(argv, env)
  const log = makeLog(config.logLevel, stderr)
  const clock = systemClock
  const { tags, name, maxInFlight, endpoint } = config
  log.info({ version, endpoint, tags, name, maxInFlight }, 'job spawner starting')
  // After the settings, so that a mistake in them is told at once: the Kubernetes client takes its time to load.
  const { connect } = await import('./connect.js')
  const { JobSpawner } = await import('../run/spawner.js')
  const { cluster, gatewayUrl } = await connect(config, { env, log, clock })
  const spawner = new JobSpawner({ config, cluster, log, clock, gatewayUrl })
  const stop = stopSignals(log)
  try {
    await Promise.race([spawner.start(), stop.first])
    const dismissed = spawner.dismissed()
    await Promise.race([stop.first, dismissed])
    await drain(spawner, { grace: config.shutdownGrace, second: stop.second, log })
  } finally {
    await spawner.close()
    stop.dispose()
  }
  log.info('job spawner stopped')
  return 0
}

async function drain(
  spawner: JobSpawner,
  { grace, second, log }: { grace: number; second: Promise<void>; log: Log },
): Promise<void> {
  const timer = new AbortController()
  const graceOver = systemClock.sleep(grace, timer.signal).catch(() => undefined)
  await Promise.race([spawner.drain(), graceOver, second])
  timer.abort()
  if (spawner.running > 0)
    log.warn({ running: spawner.running }, 'running jobs are left to the next process')
}

/** The first and the second SIGTERM or SIGINT. */
function stopSignals(log: Log) {
  const resolvers: (() => void)[] = []
  const first = new Promise<void>(resolve => resolvers.push(resolve))
  const second = new Promise<void>(resolve => resolvers.push(resolve))
  const onSignal = (signal: NodeJS.Signals) => {
    log.info({ signal }, 'stop asked for')
    resolvers.shift()?.()
  }
  process.on('SIGTERM', onSignal)
  process.on('SIGINT', onSignal)
  const dispose = () => {
    process.off('SIGTERM', onSignal)
    process.off('SIGINT', onSignal)
  }
  return { first, second, dispose }
}
