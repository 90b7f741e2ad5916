import type { StatusEnded, StatusRun, StatusSnapshot } from '../../lib/status/status.js'

/** The moment at which the tests' snapshots are taken. */
export const at = new Date('2026-11-21T21:05:33.400Z')

export function before(seconds: number): Date {
  return new Date(at.getTime() - seconds * 1_000)
}

/** A leading process without runs. */
export function snapshotOf(given: Partial<StatusSnapshot> = {}): StatusSnapshot {
  return {
    at,
    instance: 'main',
    version: '0.1.0',
    state: 'leading',
    since: before(8_000),
    lease: { held: true, renewalAgeSeconds: 1.4 },
    slots: { down: 0, idle: 3, pinging: 1, busy: 4, stopped: 0 },
    warnings: [],
    runs: [],
    ended: [],
    watches: [
      { watch: 'pods', ageSeconds: 3.2 },
      { watch: 'jobs', ageSeconds: 41 },
    ],
    ledger: { pages: 1 },
    upstream: { answeredAt: before(0.8), failures: 0 },
    gateway: { heldCalls: 0 },
    ...given,
  }
}

/** Run number n, which runs. */
export function runOf(n: number, given: Partial<StatusRun> = {}): StatusRun {
  const jobId = `01890000-0000-4000-8000-${String(n).padStart(12, '0')}`
  return {
    jobId,
    buildUrl: `https://buildkite.com/acme/web/builds/${4000 + n}`,
    pipeline: 'web',
    label: `:jest: Unit tests ${n}`,
    phase: 'running',
    since: before(30 * n + 12),
    acceptedAt: before(30 * n + 20),
    jobName: `buildkite-${jobId}`,
    podName: `buildkite-${jobId}-x7k2p`,
    node: `node-${n % 7}`,
    ...given,
  }
}

/** Ended run number n, which has passed. */
export function endedOf(n: number, given: Partial<StatusEnded> = {}): StatusEnded {
  const { jobId, buildUrl, pipeline, label } = runOf(n)
  return {
    jobId,
    buildUrl,
    pipeline,
    label,
    cause: 'Passed',
    fault: 'none',
    by: 'pod',
    exitStatus: 0,
    endedAt: before(17 * n + 3),
    seconds: 41 + n,
    ...given,
  }
}
