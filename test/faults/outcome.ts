import { mkdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { messageOf } from '../../lib/errors.js'
import type { History } from './history.js'
import { violationsOf, type Violation } from './invariants/all.js'

/** What became of one case. */
export interface Outcome {
  /** Which part of the suite it belongs to. */
  group: string
  name: string
  violations: Violation[]
  /** Something that is worth a line though it breaks nothing. */
  note?: string
  ms: number
  /** The seed that it comes from, when chance has a part in it. */
  seed?: number
  /** Where what was seen is kept, when it failed. */
  folder?: string
}

/** Holds a history to the promises; keeps it for whoever looks into it when one is broken. */
export function judged(
  history: History,
  about: Pick<Outcome, 'group' | 'name' | 'ms' | 'seed' | 'note'>,
  more: readonly Violation[] = [],
): Outcome {
  const violations = [...more, ...violationsOf(history)]
  const folder =
    violations.length > 0 || process.env['FAULTS_KEEP']
      ? kept(history, about, violations)
      : undefined
  return { ...about, violations, folder }
}

/** A case that did not come to the end at which it is judged. */
export function notPlayed(about: Pick<Outcome, 'group' | 'name'>, error: unknown): Outcome {
  const violations = [{ invariant: 'the case is played', what: messageOf(error) }]
  return { ...about, violations, ms: 0 }
}

function kept(
  history: History,
  { group, name, seed }: Pick<Outcome, 'group' | 'name' | 'seed'>,
  violations: readonly Violation[],
): string {
  const words = `${group} ${name}${seed === undefined ? '' : ` ${seed}`}`
  const folder = join(tmpdir(), 'job-spawner-fault-suite', words.replaceAll(/[^\w]+/g, '-'))
  mkdirSync(folder, { recursive: true })
  const { happenings, lives, requests, changes, jobs, writes, texts } = history
  const save = (file: string, lines: readonly unknown[]) =>
    writeFileSync(
      join(folder, file),
      lines.map(line => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n'),
    )
  save('violations', violations)
  save('jobs', jobs)
  save('happenings', happenings)
  save('upstream', requests)
  save('writes', writes)
  save('objects', changes)
  const logs = texts.filter(({ where }) => where.startsWith('container '))
  save(
    'pods',
    logs.map(({ where, text }) => `${where}:\n${text}`),
  )
  for (const { replica, pid, lines, startedAt, endedAt, end } of lives) {
    save(`${replica}-${pid}.log`, [`from ${startedAt} to ${endedAt}: ${end}`, ...lines])
  }
  return folder
}
