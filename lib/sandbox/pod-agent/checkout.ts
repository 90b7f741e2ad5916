import { spawnSync } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { part } from './api.js'
import type { ContainerInput } from './input.js'
import { environmentOf, runFor, say, type JobContext } from './job-context.js'
import type { Ending } from './process-group.js'

const done: Ending = { code: 0, signal: null }

/** What the checkout container does: the job's repository in the checkout folder, or just the folder. */
export async function checkOut(context: JobContext, container: ContainerInput): Promise<Ending> {
  const own = environmentOf(context, container)
  const env: Record<string, string> = { ...own, GIT_TERMINAL_PROMPT: '0' }
  const cwd = env['BUILDKITE_BUILD_CHECKOUT_PATH'] ?? context.input.workspace
  await mkdir(cwd, { recursive: true })
  say(context, container, '~~~ Preparing working directory')
  if (env['BUILDKITE_SKIP_CHECKOUT'] === 'true') {
    say(context, container, 'sandbox: the job wants no checkout; its folder is empty')
    return done
  }
  const repository = env['BUILDKITE_REPO'] ?? ''
  if (repository === '') {
    say(context, container, 'sandbox: the job has no repository; its folder is empty')
    return done
  }
  if (spawnSync('git', ['--version'], { env }).status !== 0) {
    say(context, container, 'sandbox: there is no git on this machine; the folder is empty')
    return done
  }
  for (const argv of gitSteps(repository, env)) {
    say(context, container, `$ ${argv.join(' ')}`)
    const ending = await runFor(context, container, { argv, cwd, env })
    if (ending.code !== 0) return ending
  }
  await tellCommit(context, container, { cwd, env })
  return done
}

const checkout = ['git', '-c', 'advice.detachedHead=false', 'checkout', '-f']

function gitSteps(repository: string, env: Record<string, string>): string[][] {
  const commit = env['BUILDKITE_COMMIT'] ?? 'HEAD'
  const branch = env['BUILDKITE_BRANCH'] ?? ''
  const clone = ['git', 'clone', '--', repository, '.']
  if (commit !== 'HEAD') return [clone, [...checkout, commit, '--']]
  if (branch === '') return [clone]
  return [clone, ['git', 'fetch', '--', 'origin', branch], [...checkout, 'FETCH_HEAD', '--']]
}

/** Writes the commit into the build's meta-data, unless someone has done so. A failure is a line in the log. */
async function tellCommit(
  context: JobContext,
  container: ContainerInput,
  place: { cwd: string; env: Record<string, string> },
): Promise<void> {
  if (place.env['BUILDKITE_COMMIT_RESOLVED'] === 'true') return
  const { api, job } = context
  const key = 'buildkite:git:commit'
  try {
    const path = `jobs/${part(job.id)}/data`
    const answer = (await api.json('POST', `${path}/exists`, { json: { key } })) as {
      exists?: boolean
    }
    if (answer.exists) return
    const format = 'commit %H%nabbrev-commit %h%nAuthor: %an <%ae>%n%n%w(0,4,4)%B'
    const argv = ['--no-pager', 'log', '-1', '-s', '--no-color', `--format=${format}`]
    const shown = spawnSync('git', argv, { ...place, encoding: 'utf8' })
    if (shown.status === 0)
      await api.call('POST', `${path}/set`, { json: { key, value: shown.stdout } })
  } catch (error) {
    say(context, container, `sandbox: could not send the commit: ${(error as Error).message}`)
  }
}
