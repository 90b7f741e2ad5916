/** A duration as people say it: `840 ms`, `4.2 s`, `42 s`, `1 min 32 s`, `2 h 5 min`. */
export function duration(ms: number): string {
  const whole = Math.max(0, Math.round(ms))
  if (whole < 1_000) return `${whole} ms`
  if (whole < 9_950) return `${(whole / 1_000).toFixed(1).replace('.0', '')} s`
  const seconds = Math.round(whole / 1_000)
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return joined(`${minutes} min`, seconds % 60, 's')
  return joined(`${Math.floor(minutes / 60)} h`, minutes % 60, 'min')
}

/** A size as registries give it, in units of a thousand: `512 bytes`, `1.2 GB`. */
export function size(bytes: number): string {
  const unit = units.find(({ bytes: from }) => bytes >= from)
  if (!unit) return `${bytes} bytes`
  const amount = bytes / unit.bytes
  return `${amount < 9.95 ? amount.toFixed(1).replace('.0', '') : Math.round(amount)} ${unit.name}`
}

/** Milliseconds of a duration as Go prints it, such as `1m2.5s` or `345ms`; undefined when it is none. */
export function goDuration(text: string): number | undefined {
  if (!/^(?:\d+(?:\.\d+)?(?:h|ms|m|s|µs|us|ns))+$/.test(text)) return undefined
  const parts = text.matchAll(/(\d+(?:\.\d+)?)(h|ms|m|s|µs|us|ns)/g)
  return [...parts].reduce((sum, [, amount, unit]) => sum + Number(amount) * goUnit(unit), 0)
}

const units = [
  { name: 'GB', bytes: 1e9 },
  { name: 'MB', bytes: 1e6 },
  { name: 'kB', bytes: 1e3 },
]

function joined(first: string, rest: number, unit: string): string {
  return rest === 0 ? first : `${first} ${rest} ${unit}`
}

function goUnit(unit: string | undefined): number {
  if (unit === 'h') return 3_600_000
  if (unit === 'm') return 60_000
  if (unit === 's') return 1_000
  return unit === 'ms' ? 1 : 0
}
