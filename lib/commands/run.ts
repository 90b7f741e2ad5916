import { orAfter, systemClock } from '../clock.js'
import { ServerClock } from '../cluster/server-clock.js'
import type { Config } from '../config/config.js'
import { loadConfig } from '../config/load.js'
import { makeLog, type Log } from '../log.js'
import type { Metrics } from '../metrics/metrics.js'
import type { JobSpawner } from '../run/spawner.js'
import type { StatusServer } from '../status/server.js'
import type { StatusSource } from '../status/status.js'
import { version } from '../version.js'
import type { CommandContext } from './command.js'

const lingerMs = 5_000

/**
 * `job-spawner run`: until SIGTERM or SIGINT. The first lets running jobs go on for the grace; the second, or the end of
 * the grace, leaves them to the next process, which goes on with them. While another process has the lease it stands by.
 * @throws Problem LEASE_LOST when another process has taken the lease from this one.
 */
export async function run({ argv, env, stderr }: CommandContext): Promise<number> {
  const config = loadConfig(argv, env)
  const log = makeLog(config.logLevel, stderr)
  const { tags, name, maxInFlight, endpoint } = config
  log.info({ version, endpoint, tags, name, maxInFlight }, 'job spawner starting')
  // After the settings, so that a mistake in them is told at once: the Kubernetes client takes its time to load.
  const { connect } = await import('./connect.js')
  const { JobSpawner } = await import('../run/spawner.js')
  const { thisProcess } = await import('../lease/holder.js')
  const { Metrics } = await import('../metrics/metrics.js')
  const clock = new ServerClock(systemClock, log)
  const metrics = new Metrics({ wall: () => clock.now() })
  const connected = await connect(config, { env, log, clock, metrics })
  const holder = thisProcess(env)
  const spawner = new JobSpawner({ config, ...connected, holder, log, clock, metrics })
  const stop = stopSignals(log)
  let told: StatusServer | undefined
  try {
    told = await tellStatus(spawner, { config, metrics, log })
    const lost = spawner.lost()
    await Promise.race([spawner.start(), stop.first, lost])
    await Promise.race([stop.first, spawner.dismissed(), lost])
    await Promise.race([
      drain(spawner, { grace: config.shutdownGrace, second: stop.second, log }),
      lost,
    ])
  } finally {
    await spawner.close()
    await told?.close()
    stop.dispose()
    // One who has lost the lease is to come back as a standby, whatever of it still waits for something.
    setTimeout(() => process.exit(), lingerMs).unref()
  }
  log.info('job spawner stopped')
  return 0
}

// Also while it stands by: a standby that nobody can look into is trusted by nobody.
async function tellStatus(
  spawner: JobSpawner,
  { config, metrics, log }: { config: Config; metrics: Metrics; log: Log },
): Promise<StatusServer> {
  const { StatusServer } = await import('../status/server.js')
  const server = new StatusServer({
    listen: config.metricsListen,
    source: spawner.status as StatusSource,
    metrics,
    unready: () => spawner.unready(),
    log,
  })
  log.info({ port: await server.listen() }, 'status and metrics served')
  return server
}

// Without a grace nothing is drained: a standby goes on with the agents as they are.
async function drain(
  spawner: JobSpawner,
  { grace, second, log }: { grace: number; second: Promise<void>; log: Log },
): Promise<void> {
  if (grace > 0) {
    const done = Promise.race([spawner.drain(), second])
    await orAfter(done, grace, { clock: systemClock, instead: undefined })
  }
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
