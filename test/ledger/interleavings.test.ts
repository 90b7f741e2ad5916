import { randomBytes } from 'node:crypto'
import { EventEmitter, once } from 'node:events'
import fc from 'fast-check'
import t from 'tap'
import type { SecretVerbs } from '../../lib/cluster/secrets.js'
import { isProblem } from '../../lib/errors.js'
import type { Ledger } from '../../lib/ledger/ledger.js'
import { writerIn } from '../../lib/ledger/page.js'
import type { SlotRecord } from '../../lib/ledger/record.js'
import { jobsIn, ledgerOn } from './records-in.js'
import { Dice, Wire } from './wire.js'

// While this slot is never removed, the ledger is never empty: the head's order is that of the writers then.
const anchor = 24
const slots = [0, 1, 8, 16, anchor]
const noise = randomBytes(130_000).toString('base64')

/** What a process knows of one slot: all that it has wanted there, from what it loaded on, and how far it was told. */
interface Wanted {
  jobs: (string | undefined)[]
  /** Everything before this is gone for good. */
  told: number
}

/** A process, with what it was promised. */
class Writer {
  readonly wanted = new Map<number, Wanted>()
  loaded = false
  fencedTimes = 0
  sentAfterFenced = 0
  crashed = false
  private readonly ledger: Ledger

  constructor(
    readonly id: string,
    private readonly wire: Wire,
    private readonly dice: Dice,
    private readonly mayEmpty: boolean,
  ) {
    const verbs = wire.verbs(id)
    const counted = <T>(sent: T): T => {
      if (this.fencedTimes > 0) this.sentAfterFenced++
      return sent
    }
    const secrets: SecretVerbs = {
      ...verbs,
      create: secret => counted(verbs.create(secret)),
      replace: secret => counted(verbs.replace(secret)),
    }
    this.ledger = ledgerOn(secrets, { id, onFenced: () => void this.fencedTimes++ })
  }

  crash(): void {
    this.crashed = true
    this.wire.crash(this.id)
  }

  /** Loads the ledger and writes to it, until it is fenced off at the latest. */
  async live(steps: number): Promise<void> {
    try {
      await this.work(steps)
    } catch (error) {
      if (!isProblem(error, 'LEASE_LOST')) throw error
    }
  }

  private async work(steps: number): Promise<void> {
    const records = await this.ledger.load()
    for (const slot of slots) this.wanted.set(slot, { jobs: [undefined], told: 0 })
    for (const { slot, run } of records) this.wanted.set(slot, { jobs: [run?.jobId], told: 0 })
    this.loaded = true
    const pending: Promise<void>[] = []
    const anchored = records.some(({ slot }) => slot === anchor)
    if (!anchored && !this.mayEmpty) await this.change(anchor, 'put')
    for (let step = 0; step < steps; step++) {
      const slot = slots[this.dice.below(slots.length)] ?? 0
      const one = this.change(slot, this.verbFor(slot))
      pending.push(one)
      one.catch(() => undefined)
      if (this.dice.below(3) > 0) await one
    }
    await Promise.all(pending)
  }

  private async change(slot: number, verb: 'put' | 'remove' | 'note'): Promise<void> {
    const wanted = this.wanted.get(slot)
    if (!wanted || this.crashed) return
    const job = verb === 'remove' ? undefined : `${this.id}-${slot}-${wanted.jobs.length}`
    const index = wanted.jobs.push(job) - 1
    const record = this.record(slot, job)
    if (verb === 'note') return this.ledger.note(record)
    await (verb === 'remove' ? this.ledger.remove(slot) : this.ledger.put(record))
    wanted.told = Math.max(wanted.told, index)
  }

  private verbFor(slot: number): 'put' | 'remove' | 'note' {
    if (this.mayEmpty) return this.dice.below(5) < 2 ? 'put' : 'remove'
    if (slot === anchor) return 'put'
    return (['put', 'put', 'put', 'remove', 'note'] as const)[this.dice.below(5)] ?? 'put'
  }

  private record(slot: number, jobId = ''): SlotRecord {
    const payload = { id: jobId, env: { noise }, chunks_max_size_bytes: 1 }
    const isLarge = this.dice.below(10) === 0
    const run = { jobId, phase: 'accepted' as const, payload: isLarge ? payload : undefined }
    return { version: 1, slot, run }
  }
}

/** Moves what is under way until the promise is settled; at some steps something else happens. */
async function drive(wire: Wire, all: Promise<unknown>, at: (step: number) => void): Promise<void> {
  let settled = false
  const settle = () => (settled = true)
  all.then(settle, settle)
  for (let step = 0; !settled; step++) {
    if (step > 5_000) throw new Error('it does not end')
    // Enough turns for all that follows from the last step.
    for (let turn = 0; turn < 4; turn++) await new Promise(resolve => setImmediate(resolve))
    at(step)
    if (!wire.idle) wire.move()
  }
}

/** What one play of three processes came to. */
interface Play {
  wire: Wire
  writers: Writer[]
}

interface How {
  lossy: boolean
  crashes: boolean
  mayEmpty?: boolean
}

async function play(seed: number, how: How): Promise<Play> {
  const dice = new Dice(seed)
  const wire = new Wire(dice, how.lossy)
  const cast = ['A', 'B', 'C'].map((id, index) => {
    const crashes = how.crashes && dice.below(2) === 0
    return {
      writer: new Writer(id, wire, dice, how.mayEmpty ?? false),
      enters: dice.below(80 * index + 1),
      leaves: crashes ? 10 + dice.below(200) : Infinity,
      part: new EventEmitter(),
    }
  })
  const parts = cast.map(async ({ writer, part }) => {
    await once(part, 'enter')
    await Promise.race([writer.live(12), once(part, 'leave')])
  })
  await drive(wire, Promise.all(parts), step => {
    for (const { writer, enters, leaves, part } of cast) {
      if (step === leaves) writer.crash()
      if (step === enters) part.emit('enter')
      if (step === Math.max(leaves, enters + 1)) part.emit('leave')
    }
  })
  return { wire, writers: cast.map(({ writer }) => writer) }
}

/** What a slot may hold after a writer: what it was last told to be kept, or what it wanted after that. */
function allowed(writer: Writer, slot: number): (string | undefined)[] {
  const { jobs, told } = writer.wanted.get(slot) ?? { jobs: [], told: 0 }
  return jobs.slice(told)
}

/** Each writer that loaded the ledger found what the one before it was told, and so does the next process. */
async function check({ wire, writers }: Play): Promise<void> {
  const byId = new Map(writers.map(writer => [writer.id, writer]))
  // One whose answer was lost takes the head again, perhaps after another: its last time counts.
  const heads = wire.heads.filter((id, index) => wire.heads.lastIndexOf(id) === index)
  const order = heads.map(id => byId.get(id)).filter(writer => writer?.loaded)
  let before: Writer | undefined
  for (const writer of order) {
    for (const slot of before && writer ? slots : []) {
      const [found] = writer?.wanted.get(slot)?.jobs ?? []
      expectIn(found, before && allowed(before, slot), `${writer?.id} after ${before?.id}, ${slot}`)
    }
    before = writer ?? before
  }
  const left = await jobsIn(wire.secrets)
  for (const slot of before ? slots : [])
    expectIn(left[slot], before && allowed(before, slot), `in the end, ${slot}`)
  for (const writer of writers) {
    if (writer.sentAfterFenced > 0) throw new Error(`${writer.id} wrote when it was fenced off`)
    if (writer.fencedTimes > 1) throw new Error(`${writer.id} was told twice`)
    if (order.includes(writer)) continue
    const promised = [...writer.wanted.values()].some(({ told }) => told > 0)
    if (promised) throw new Error(`${writer.id} was promised something and was no writer`)
  }
  const last = byId.get(wire.heads.at(-1) ?? '')
  if (last && last.fencedTimes > 0) throw new Error('the last writer was fenced off')
}

function expectIn(found: unknown, wanted: unknown[] | undefined, where: string): void {
  if (!wanted?.includes(found))
    throw new Error(`slot ${where}: ${String(found)}, not of ${String(wanted)}`)
}

const runs = Number(process.env['LEDGER_RUNS'] ?? 25)

for (const [why, how] of [
  ['in any order', { lossy: false, crashes: false }],
  ['in any order, with lost answers', { lossy: true, crashes: false }],
  ['in any order, with lost answers and crashes', { lossy: true, crashes: true }],
] as const) {
  t.test(`${why}: what a writer was told is found by the next one`, async t => {
    t.setTimeout(10_000 + runs * 1_000)
    const property = fc.asyncProperty(fc.integer(), async seed => check(await play(seed, how)))
    // A page that is emptied after a write whose answer was lost.
    const examples: [number][] = [[1_324_383_892]]
    await fc.assert(property, { numRuns: runs, examples })
    t.pass(`${runs} plays`)
  })
}

t.test(
  'in any order, with lost answers: the last writer finds what it was told, also when the ledger was empty on the way',
  async t => {
    t.setTimeout(10_000 + runs * 1_000)
    const property = fc.asyncProperty(fc.integer(), async seed => {
      const { wire, writers } = await play(seed, { lossy: true, crashes: false, mayEmpty: true })
      const left = await jobsIn(wire.secrets)
      const head = writerIn(wire.secrets.kept.get('host-ledger')?.data)
      const last = writers.find(({ id }) => id === head?.id)
      if (!last && wire.secrets.kept.size > 0) throw new Error('something is left without a head')
      if (last && last.fencedTimes > 0) throw new Error('the last writer was fenced off')
      for (const slot of last ? slots : [])
        expectIn(left[slot], last && allowed(last, slot), `${slot}`)
    })
    await fc.assert(property, { numRuns: runs * 2 })
    t.pass('plays')
  },
)
