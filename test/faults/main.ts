// The fault suite: the real program between an emulated Buildkite and an embedded cluster, with a fault between each
// two things that it does. `--help` says what it can be asked for.
import { mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { crashes, recordStory } from './crash.js'
import { buildHook } from './hook/build.js'
import { inLanes } from './lanes.js'
import { casesOf, chainsOf, effectsOf } from './matrix.js'
import { notPlayed, type Outcome } from './outcome.js'
import { byChance, byScenario } from './play.js'
import { forMachines, forPeople, type Reporter } from './report.js'
import { scenarios, type Scenario } from './scenarios.js'
import { stories } from './stories.js'
import { now } from './time.js'
import type { WorldOptions } from './world.js'

const usage = `usage: npm run test:faults -- [options]
  --seed N       the first seed of the schedules by chance (1)
  --seeds K      how many seeds (4)
  --minutes M    as many seeds as fit into that time
  --only WORDS   the cases whose names have all these words, such as "accept after"
  --long         every occurrence of every effect, reads too; every scenario
  --lanes L      how many cases side by side
  --program P    another build's bin/job-spawner
  --reporter=tap TAP instead of a table`

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    seeds: { type: 'string' },
    minutes: { type: 'string' },
    only: { type: 'string', default: '' },
    long: { type: 'boolean', default: false },
    lanes: { type: 'string' },
    program: { type: 'string' },
    reporter: { type: 'string', default: 'table' },
    help: { type: 'boolean', default: false },
  },
})

// Long enough to save starts, short enough that a history can be read.
const chainLength = 6

const words = values.only.toLowerCase().split(/\s+/).filter(Boolean)

function isWanted(title: string): boolean {
  return words.every(word => title.toLowerCase().includes(word))
}

// Who asks for one by its name gets it.
function isDue({ long = false, name }: Scenario): boolean {
  return values.long || !long || words.some(word => name.includes(word))
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

async function suite(options: WorldOptions, reporter: Reporter): Promise<Outcome[]> {
  const lanes = Number(values.lanes ?? availableParallelism() * 3)
  const seed = Number(values.seed)
  const outcomes: Outcome[] = []
  const done = (outcome: Outcome) => {
    outcomes.push(outcome)
    reporter.done(outcome)
  }
  const recorded = await inLanes(lanes, stories, story => recordStory(story, options))
  const effects = effectsOf(recorded.map(({ recording }) => recording))
  const cases = casesOf(effects, { long: values.long })
  reporter.effects(effects, cases.length)
  for (const { outcome } of recorded) if (isWanted(titleOf(outcome))) done(outcome)
  const wanted = cases.filter(({ name }) => isWanted(`crash: ${name}`))
  const others = [
    ...scenarios.filter(isDue).map(one => ({
      group: 'two processes',
      name: one.name,
      run: async () => done(await byScenario(one, options)),
    })),
    ...seedsFrom(seed).map(one => ({
      group: 'chance',
      name: `seed ${one}`,
      run: async () => done(await byChance(one, options)),
    })),
  ]
  const chains = chainsOf(wanted, chainLength).map(chain => ({
    group: 'crash',
    name: chain[0]?.name ?? '',
    run: () => crashes(chain, options, done),
  }))
  const tasks = [...chains, ...others.filter(one => isWanted(titleOf(one)))]
  await inLanes(lanes, tasks, ({ run, ...about }) =>
    // The others go on, and end the processes that they have started.
    run().catch((error: unknown) => done(notPlayed(about, error))),
  )
  await moreSeeds(seed, { options, lanes, done })
  return outcomes
}

function seedsFrom(seed: number): number[] {
  const one = words.length > 0 && values.seeds === undefined
  const count = values.minutes !== undefined ? 0 : Number(values.seeds ?? (one ? 1 : 4))
  return Array.from({ length: count }, (_, index) => seed + index)
}

async function moreSeeds(
  from: number,
  given: { options: WorldOptions; lanes: number; done: (outcome: Outcome) => void },
): Promise<void> {
  if (values.minutes === undefined) return
  const end = now() + Number(values.minutes) * 60_000
  let seed = from
  const lane = async () => {
    while (now() < end) given.done(await byChance(seed++, given.options))
  }
  await Promise.all(Array.from({ length: given.lanes }, lane))
}

function titleOf({ group, name }: Pick<Outcome, 'group' | 'name'>): string {
  return `${group}: ${name}`
}

async function main(): Promise<number> {
  if (values.help) {
    print(usage)
    return 0
  }
  const folder = mkdtempSync(join(tmpdir(), 'job-spawner-fault-hook-'))
  const program = values.program ?? fileURLToPath(new URL('../../bin/job-spawner', import.meta.url))
  const reporter = values.reporter === 'tap' ? forMachines(print) : forPeople(print)
  const began = now()
  reporter.begin(Number(values.seed))
  try {
    const outcomes = await suite({ program, hook: buildHook(folder) }, reporter)
    reporter.end(outcomes, now() - began)
    return outcomes.some(({ violations }) => violations.length > 0) ? 1 : 0
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

process.exitCode = await main()
