import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { stringify } from 'yaml'
import type { V1Job } from '@kubernetes/client-node'
import { systemClock } from '../clock.js'
import { loadConfig, flagProblem, type Config } from '../config/load.js'
import { messageOf, Problem } from '../errors.js'
import { makeLog, type Log } from '../log.js'
import { JobSpawner } from '../run/spawner.js'
import { startEmulator, type Emulator } from '../sandbox/buildkite/server.js'
import type { BuildView } from '../sandbox/buildkite/views.js'
import { startCluster, type EmbeddedCluster } from '../sandbox/cluster/server.js'
import { Report } from '../sandbox/report.js'
import { samplePipeline } from '../sandbox/sample-pipeline.js'
import type { CommandContext } from './command.js'
import { connect } from './connect.js'

/** What the sandbox was asked for. */
interface Wishes {
  pipeline: { text: string; source: string }
  repo: string | undefined
  out: string | undefined
  realCluster: boolean
  /** What is passed on to the spawner, as flags. */
  flags: string[]
}

const own = {
  repo: { type: 'string' },
  out: { type: 'string' },
} as const

// The spawner's own flags that make sense here; the others are the sandbox's to set.
const passedOn = [
  'context',
  'kubeconfig',
  'namespace',
  'ledger-namespace',
  'agent-image',
  'image-pull-policy',
  'gateway-url',
  'gateway-listen',
  'job-ttl',
  'max-in-flight',
  'log-level',
] as const

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
    const config = sandboxConfig(wishes, { token, embedded, endpoint: 'http://127.0.0.1' })
    const log = makeLog(config.logLevel, stderr)
    const { cluster, gatewayUrl } = await connect(config, {
      env: embedded ? {} : env,
      log,
      clock: systemClock,
    })
    const emulator = await startUpstream(
      token,
      embedded ? undefined : new URL(await gatewayUrl(0)).hostname,
    )
    closing.push(() => emulator.close())
    const folder = await outFolder(wishes.out)
    introduce(report, { embedded: embedded !== undefined, folder, server: cluster.host })
    const spawner = new JobSpawner({
      config: { ...config, endpoint: emulator.endpoint },
      cluster,
      log,
      clock: systemClock,
      gatewayUrl,
      onManifest: job => void saveManifest(folder, job, log),
    })
    closing.push(() => spawner.close())
    const build = await runBuild({ wishes, emulator, spawner, report, log })
    await saveTraces(folder, emulator)
    report.summary(emulator.builds(), folder)
    for (const violation of emulator.violations) report.say(`protocol violation: ${violation}`)
    return exitStatus(build)
  } finally {
    for (const close of closing.toReversed()) await close()
  }
}

async function runBuild({
  wishes,
  emulator,
  spawner,
  report,
  log,
}: {
  wishes: Wishes
  emulator: Emulator
  spawner: JobSpawner
  report: Report
  log: Log
}): Promise<BuildView> {
  const { text, source } = wishes.pipeline
  // No repository: the checkout has nothing to clone (agent: BUILDKITE_SKIP_CHECKOUT).
  const checkout =
    wishes.repo === undefined ? { env: { BUILDKITE_SKIP_CHECKOUT: 'true' } } : { repo: wishes.repo }
  const { id } = emulator.createBuild(text, { source, ...checkout })
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
    log.debug({ state: build.state }, 'build over')
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

/** The build's exit status: 0 when it passed, else that of the first job that failed, where a process can have it. */
export function exitStatus(build: BuildView): number {
  if (build.state === 'passed') return 0
  const failed = build.jobs.find(
    job => !job.passed && job.exitStatus !== undefined && job.exitStatus !== 0,
  )
  const status = failed?.exitStatus ?? 1
  return status > 0 && status < 256 ? status : 1
}

function readWishes(argv: readonly string[]): Wishes {
  const known = Object.fromEntries(passedOn.map(name => [name, { type: 'string' as const }]))
  try {
    const parsed = parseArgs({
      args: [...argv],
      options: { ...known, ...own },
      allowPositionals: true,
    })
    const { repo, out, ...rest } = parsed.values as Record<string, string | undefined>
    if (parsed.positionals.length > 1) throw tooManyFiles()
    return {
      pipeline: readPipeline(parsed.positionals[0]),
      repo,
      out,
      realCluster: rest['context'] !== undefined || rest['kubeconfig'] !== undefined,
      flags: Object.entries(rest).flatMap(([name, value]) => [`--${name}=${value}`]),
    }
  } catch (error) {
    throw error instanceof Problem ? error : flagProblem(error, [...passedOn, ...Object.keys(own)])
  }
}

function tooManyFiles(): Problem {
  return new Problem('USAGE', 'more than one pipeline is named', {
    wanted: 'one pipeline file, or none for the sample',
    hint: 'name one file; see job-spawner sandbox --help',
  })
}

function readPipeline(file: string | undefined): Wishes['pipeline'] {
  if (file === undefined) return { text: samplePipeline, source: 'sample pipeline' }
  try {
    return { text: readFileSync(file, 'utf8'), source: file }
  } catch (error) {
    throw new Problem('PIPELINE_FILE', "the pipeline file can't be read", {
      where: file,
      wanted: 'a YAML file with steps',
      found: messageOf(error),
      hint: 'check the path, or leave it out to run the sample pipeline',
    })
  }
}

function sandboxConfig(
  { flags, realCluster }: Wishes,
  {
    token,
    embedded,
    endpoint,
  }: { token: string; embedded: EmbeddedCluster | undefined; endpoint: string },
): Config {
  const listen = realCluster ? '0.0.0.0:0' : '127.0.0.1:0'
  const fixed = ['--token', token, '--endpoint', endpoint, '--name', 'sandbox-%i']
  const usual = ['--max-in-flight=4', '--log-level=silent', `--gateway-listen=${listen}`]
  const place = embedded ? [`--kubeconfig=${embedded.kubeconfig}`] : []
  return loadConfig([...fixed, ...usual, ...place, ...flags], {})
}

function startUpstream(token: string, host: string | undefined): Promise<Emulator> {
  // Agents in pods load their artifacts up to the emulator itself, so it must be where they can reach it.
  if (host === undefined) return startEmulator({ token, defaultQueue: 'bk-operator' })
  return startEmulator({ token, defaultQueue: 'bk-operator', host: '0.0.0.0', publicHost: host })
}

function introduce(
  report: Report,
  { embedded, folder, server }: { embedded: boolean; folder: string; server: string },
): void {
  report.say('job-spawner sandbox: Buildkite is emulated on this machine.')
  report.say(
    embedded
      ? 'The cluster is emulated too: commands run as plain processes here, not isolated and not in their images.'
      : `The cluster is real: ${server}.`,
  )
  report.say(`Manifests are written to ${join(folder, 'manifests')}`)
  report.say('')
}

async function outFolder(out: string | undefined): Promise<string> {
  const folder =
    out === undefined ? await mkdtemp(join(tmpdir(), 'job-spawner-sandbox-')) : resolve(out)
  await mkdir(join(folder, 'manifests'), { recursive: true })
  return folder
}

async function saveManifest(folder: string, job: V1Job, log: Log): Promise<void> {
  const file = join(folder, 'manifests', `${job.metadata?.name}.yaml`)
  await writeFile(file, stringify(job)).catch((error: unknown) =>
    log.warn({ err: error }, 'manifest not written'),
  )
}

async function saveTraces(folder: string, emulator: Emulator): Promise<void> {
  await mkdir(join(folder, 'logs'), { recursive: true })
  for (const job of emulator.jobs()) await writeFile(join(folder, 'logs', `${job.id}.log`), job.log)
}
