import { pluginPlace, pluginProblem, type KubernetesPlugin } from './plugin.js'
import type { OperatorSettings } from './settings.js'

/** Whether a failed pod stays, for its author to look into it. */
export interface Hold {
  /** How long; 0 for a pod that ends as usual. */
  seconds: number
  /** What the job's log should tell its author: that the operator allows less than the step asks for. */
  note?: string
}

/** What the log, `render` and `lint` say of the place of the wish. */
export const holdPlace = `${pluginPlace}, holdOnFailure`

/**
 * Nothing, when the plugin's holdOnFailure is a duration.
 * @throws Problem JOB_PLUGIN
 */
export function checkHold({ holdOnFailure }: KubernetesPlugin): void {
  if (holdOnFailure === undefined || wantedSeconds(holdOnFailure) !== undefined) return
  throw pluginProblem({
    where: holdPlace,
    wanted: 'a duration such as 90s, 10m or 1h',
    found: 'another text',
  })
}

/** How long the pod of a step stays when it fails: as long as the step asks for, and the operator allows. */
export function holdOf(
  { holdOnFailure }: KubernetesPlugin,
  { maxHoldSeconds = 0 }: Pick<OperatorSettings, 'maxHoldSeconds'>,
): Hold {
  const wanted = wantedSeconds(holdOnFailure ?? '') ?? 0
  if (wanted <= maxHoldSeconds) return { seconds: wanted }
  const cut =
    maxHoldSeconds === 0
      ? 'is left out: the operator lets no pod stay'
      : `is cut to ${durationText(maxHoldSeconds)}: the operator lets no pod stay longer`
  const note = `holdOnFailure of ${durationText(wanted)} ${cut} (max-hold-on-failure).`
  return { seconds: maxHoldSeconds, note }
}

/** Seconds as people write them: `90s`, `10m`, `1h`. */
export function durationText(seconds: number): string {
  if (seconds > 0 && seconds % 3_600 === 0) return `${seconds / 3_600}h`
  return seconds > 0 && seconds % 60 === 0 ? `${seconds / 60}m` : `${seconds}s`
}

const unitSeconds: Record<string, number> = { ms: 0.001, s: 1, m: 60, h: 3_600, d: 86_400 }

// The same words as the settings' durations: a number without a unit would be read in two ways.
function wantedSeconds(text: string): number | undefined {
  const [, amount, unit = ''] = /^(\d+(?:\.\d+)?) ?(ms|s|m|h|d)$/.exec(text) ?? []
  return amount === undefined ? undefined : Math.ceil(Number(amount) * (unitSeconds[unit] ?? 1))
}
