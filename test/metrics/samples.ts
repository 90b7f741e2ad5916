import { Metrics, type MetricsOptions } from '../../lib/metrics/metrics.js'

/** Metrics of a test: a clock that it moves by hand (milliseconds), and their values. */
export function metricsOf(options: MetricsOptions = {}) {
  const time = { now: 1_000, wall: Date.parse('2026-11-21T21:00:00Z') }
  const clocks = { now: () => time.now, wall: () => time.wall }
  const metrics = new Metrics({ ...clocks, ofProcess: false, ...options })
  return { metrics, time, sample: (line: string) => sample(metrics, line) }
}

/** The value of one line, named with its labels as the text format has it but without our prefix. */
export async function sample(metrics: Metrics, line: string): Promise<number | undefined> {
  const wanted = `job_spawner_${line} `
  const found = (await metrics.text()).split('\n').find(one => one.startsWith(wanted))
  return found === undefined ? undefined : Number(found.slice(wanted.length))
}
