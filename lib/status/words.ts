import type { OpenPhase } from '../metrics/phases.js'

/** A time span as people say it, in its two largest units: `4 s`, `2 min 14 s`, `3 h 5 min`, `2 d 4 h`. */
export function spanText(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds))
  const parts: [number, string][] = [
    [Math.floor(whole / 86_400), 'd'],
    [Math.floor(whole / 3_600) % 24, 'h'],
    [Math.floor(whole / 60) % 60, 'min'],
    [whole % 60, 's'],
  ]
  const first = parts.findIndex(([count]) => count > 0)
  if (first < 0) return '0 s'
  return parts
    .slice(first, first + 2)
    .filter(([count]) => count > 0)
    .map(([count, unit]) => `${count} ${unit}`)
    .join(' ')
}

/** A time of day in UTC, with the date when it is another day than `now`. */
export function clockText(at: Date, now: Date): string {
  const [day, time] = at.toISOString().split('T') as [string, string]
  const clock = time.slice(0, 8)
  return now.toISOString().startsWith(day) ? clock : `${day} ${clock}`
}

/** The span between two times. */
export function spanBetween(from: Date, to: Date): string {
  return spanText((to.getTime() - from.getTime()) / 1_000)
}

/** Where a run is. */
export const phaseWords: Record<OpenPhase, string> = {
  accepted: 'without a Job',
  unscheduled: 'without a node',
  preparing: 'starting',
  connected: 'agent connected',
  running: 'running',
  ending: 'ending',
}

/** What a run waits for when the cluster says no more of it. */
export const waitWords: Record<OpenPhase, string> = {
  accepted: 'Its Job is being made.',
  unscheduled: 'Its pod has no node yet.',
  preparing: 'Images are pulled and containers started.',
  connected: 'Its agent is about to start the job.',
  running: '',
  ending: 'Buildkite has not taken its end yet.',
}
