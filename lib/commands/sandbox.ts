import { randomBytes } from 'node:crypto'
import { systemClock } from '../clock.js'
import { ServerClock } from '../cluster/server-clock.js'
import type { Config } from '../config/config.js'
import { loadConfig } from '../config/load.js'
import { thisProcess } from '../lease/holder.js'
import { makeLog } from '../log.js'
import { JobSpawner } from '../run/spawner.js'
import { startEmulator, type Emulator } from '../sandbox/buildkite/server.js'
import type { BuildView } from '../sandbox/buildkite/views.js'
import { startCluster, type EmbeddedCluster } from '../sandbox/cluster/server.js'
import { Report } from '../sandbox/report.js'
import { traceBuilds, traceFolder, traceManifest } from '../sandbox/traces.js'
import type { CommandContext } from './command.js'
import { connect } from './connect.js'
import { readWishes, type Wishes } from './sandbox-wishes.js'

/**
 * `job-spawner sandbox [pipeline.yml]`: the program itself, between an emulated Buildkite and a cluster that is embedded
 * too unless a real one is named. The exit status is the build's: 0, else that of the first job that failed.
 */
export async function sandbox({ argv, env, stdout, stderr }: CommandContext): Promise<number> {
  const wishes = readWishes(argv)
  const report = new Report(stdout)
  const closing: (() => Promise<unknown>)[] = []
  try {
    const token = randomBytes(16).toString('hex')
    const embedded = wishes.realCluster ? undefined : await startCluster()
    if (embedded) closing.push(() => embedded.close())
    const config = sandboxConfig(wishes, token, embedded)
    const log = makeLog(config.logLevel, stderr)
    const clock = new ServerClock(systemClock, log)
    const connected = await connect(config, { env: embedded ? {} : env, log, clock })
    const { cluster, gatewayUrl } = connected
    const emulator = await startUpstream(
      token,
      embedded ? undefined : new URL(await gatewayUrl(0)).hostname,
    )
    closing.push(() => emulator.close())
    const folder = await traceFolder(wishes.out)
    introduce(report, embedded ? undefined : cluster.host, folder)
    const spawner = new JobSpawner({
      config: { ...config, endpoint: emulator.endpoint },
      ...connected,
      holder: thisProcess(env),
      log,
      clock,
      onManifest: job =>
        void traceManifest(folder, job).catch((error: unknown) =>
          log.warn({ err: error }, 'manifest not written'),
        ),
    })
    closing.push(() => spawner.close())
    const build = await runBuild(wishes, { emulator, spawner, report })
    await traceBuilds(folder, emulator)
    report.summary(emulator.builds(), folder)
    for (const violation of emulator.violations) report.say(`protocol violation: ${violation}`)
    return exitStatus(build)
  } finally {
    for (const close of closing.toReversed()) await close()
  }
}

/** The build's exit status: 0 when it passed, else that of the first job that failed, where a process can have it. */
export function exitStatus(build: Pick<BuildView, 'state' | 'jobs'>): number {
  if (build.state === 'passed') return 0
  const failed = build.jobs.find(
    job => !job.passed && job.exitStatus !== undefined && job.exitStatus !== 0,
  )
  const status = failed?.exitStatus ?? 1
  return status > 0 && status < 256 ? status : 1
}

function sandboxConfig(
  { flags, realCluster }: Wishes,
  token: string,
  embedded: EmbeddedCluster | undefined,
): Config {
  const usual = [
    `--token=${token}`,
    '--name=sandbox-%i',
    '--max-in-flight=4',
    '--log-level=silent',
    `--gateway-listen=${realCluster ? '0.0.0.0:0' : '127.0.0.1:0'}`,
    ...(embedded ? [`--kubeconfig=${embedded.kubeconfig}`] : []),
  ]
  return loadConfig([...usual, ...flags], {})
}

function startUpstream(token: string, host: string | undefined): Promise<Emulator> {
  const usual = { token, defaultQueue: 'bk-operator' }
  // Agents in pods load their artifacts up to the emulator itself, so it must be where they can reach it.
  return startEmulator(host === undefined ? usual : { ...usual, host: '0.0.0.0', publicHost: host })
}

function introduce(report: Report, server: string | undefined, folder: string): void {
  report.say('job-spawner sandbox: Buildkite is emulated on this machine.')
  report.say(
    server === undefined
      ? 'The cluster is emulated too: commands run as plain processes here, not isolated and not in their images.'
      : `The cluster is real: ${server}.`,
  )
  report.say(`Manifests are written to ${folder}/manifests`)
  report.say('')
}

async function runBuild(
  { pipeline, repo }: Wishes,
  { emulator, spawner, report }: { emulator: Emulator; spawner: JobSpawner; report: Report },
): Promise<BuildView> {
  // No repository: the checkout has nothing to clone (agent: BUILDKITE_SKIP_CHECKOUT).
  const checkout = repo === undefined ? { env: { BUILDKITE_SKIP_CHECKOUT: 'true' } } : { repo }
  const { id } = emulator.createBuild(pipeline.text, { source: pipeline.source, ...checkout })
  emulator.on('log', (jobId, piece) => report.log(emulator.job(jobId), piece))
  emulator.on('change', () => report.progress(emulator.build(id).jobs))
  const interrupted = () => {
    report.say('cancelling the build')
    emulator.cancelBuild(id)
  }
  process.once('SIGINT', interrupted)
  process.once('SIGTERM', interrupted)
  try {
    await spawner.start()
    const build = await emulator.waitFor(() => over(emulator.build(id)), {
      timeoutMs: 24 * 3_600_000,
    })
    await spawner.drain()
    return build
  } finally {
    process.off('SIGINT', interrupted)
    process.off('SIGTERM', interrupted)
  }
}

function over(build: BuildView): BuildView | undefined {
  return ['passed', 'failed', 'canceled'].includes(build.state) ? build : undefined
}
