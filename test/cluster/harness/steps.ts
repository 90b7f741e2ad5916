import type { BuildView, JobView } from '../../../lib/sandbox/buildkite/views.js'
import { lines } from '../../harness/builds.js'

/** A pipeline of one step: the body of its kubernetes plugin, and the rest of the step. */
export function stepWith(plugin: object, rest: object = {}): string {
  return JSON.stringify({ steps: [{ ...rest, plugins: [{ kubernetes: plugin }] }] })
}

/** The only job of a build. */
export function onlyJob({ jobs }: BuildView): JobView {
  const [job, ...others] = jobs
  if (job === undefined || others.length > 0) throw new Error('the build has not exactly one job')
  return job
}

/** What a job printed, line by line, without the lines that show its commands. */
export function printed({ log }: JobView): string[] {
  return lines(log).filter(line => !/^(\u001b\[[\d;]*m)?\$ /.test(line))
}
