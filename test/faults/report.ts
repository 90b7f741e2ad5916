import { invariants } from './invariants/all.js'
import type { KnownEffect } from './matrix.js'
import type { Outcome } from './outcome.js'

/** How a run of the suite is told while it goes on and at its end; `write` gets one line at a time. */
export interface Reporter {
  begin(seed: number): void
  effects(effects: readonly KnownEffect[], cases: number): void
  done(outcome: Outcome): void
  end(outcomes: readonly Outcome[], ms: number): void
}

type Write = (line: string) => void

/** For people: failures as they come, and a table in the end. */
export function forPeople(write: Write): Reporter {
  return {
    begin: seed => write(`fault suite, seed ${seed}`),
    effects: (effects, cases) => {
      for (const { effect, count, story } of effects) {
        write(`  ${effect.padEnd(48)} ${String(count).padStart(3)} times in "${story.name}"`)
      }
      write(`${effects.length} effects of the program, found by itself; ${cases} crashes`)
    },
    done: outcome => {
      const mark = outcome.violations.length === 0 ? 'ok  ' : 'FAIL'
      write(`${mark} ${titleOf(outcome)} (${seconds(outcome.ms)})${noteOf(outcome)}`)
      for (const line of detailsOf(outcome)) write(`       ${line}`)
    },
    end: (outcomes, ms) => {
      for (const line of tableOf(outcomes, ms)) write(line)
    },
  }
}

/** For machines: TAP, with the totals that `node --test` ends with; the table as comments. */
export function forMachines(write: Write): Reporter {
  let count = 0
  return {
    begin: seed => {
      write('TAP version 14')
      write(`# fault suite, seed ${seed}`)
    },
    effects: (effects, cases) => write(`# ${effects.length} effects, ${cases} crashes`),
    done: outcome => {
      const word = outcome.violations.length === 0 ? 'ok' : 'not ok'
      write(`${word} ${(count += 1)} - ${titleOf(outcome)} # time=${Math.round(outcome.ms)}ms`)
      for (const line of detailsOf(outcome)) write(`  # ${line}`)
    },
    end: (outcomes, ms) => {
      for (const line of tableOf(outcomes, ms)) write(`# ${line}`)
      const fail = outcomes.filter(({ violations }) => violations.length > 0).length
      write(`1..${count}`)
      write(`# pass ${count - fail}`)
      write(`# fail ${fail}`)
    },
  }
}

function titleOf({ group, name, seed }: Outcome): string {
  return `${group}: ${name}${seed === undefined ? '' : ` (seed ${seed})`}`
}

function noteOf({ note }: Outcome): string {
  return note === undefined ? '' : `: ${note}`
}

function detailsOf({ violations, folder, group, name, seed }: Outcome): string[] {
  if (violations.length === 0) return []
  const replay = seed === undefined ? `--only "${group}: ${name}"` : `--seed ${seed} --only chance`
  return [
    ...violations.map(({ invariant, what }) => `${invariant}: ${what}`),
    `again: npm run test:faults -- ${replay}`,
    ...(folder === undefined ? [] : [`kept in ${folder}`]),
  ]
}

function tableOf(outcomes: readonly Outcome[], ms: number): string[] {
  const failed = outcomes.filter(({ violations }) => violations.length > 0)
  const groups = [...new Set(outcomes.map(({ group }) => group))]
  const row = (first: string, ...rest: (string | number)[]) =>
    first.padEnd(44) + rest.map(value => String(value).padStart(9)).join('')
  const broken = (name: string) =>
    failed.filter(({ violations }) => violations.some(({ invariant }) => invariant === name)).length
  return [
    '',
    row('cases', 'run', 'failed'),
    ...groups.map(group => {
      const mine = outcomes.filter(outcome => outcome.group === group)
      return row(group, mine.length, mine.filter(one => failed.includes(one)).length)
    }),
    '',
    row('promise', 'checked', 'broken'),
    ...invariants.map(({ name }) => row(name, outcomes.length, broken(name))),
    '',
    `${outcomes.length} cases in ${seconds(ms)}, ${failed.length} failed`,
  ]
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}
