import type { SlotState } from '../slots/slot-state.js'
import type { Instruments } from './instruments.js'
import { openPhases, type OpenPhase } from './phases.js'

/** What is looked at when somebody asks for the metrics. Each is cheap: it is called for each scrape. */
export interface Readings {
  slots: () => Iterable<{ readonly state: SlotState }>
  /** The phases of the runs that go on. */
  runPhases: () => Iterable<OpenPhase>
  /** Whether this process may write. */
  leaseHeld: () => boolean
  /** Whether it serves pods and takes jobs. */
  leading: () => boolean
  /** Calls of pods that wait at the gateway. */
  heldCalls: () => number
  ledgerPages: () => number
  /** When each watch was last proved current, in milliseconds since 1970; 0 for never. */
  freshness: () => Iterable<{ readonly watch: string; readonly lastFresh: number }>
}

const slotStates = ['down', 'idle', 'pinging', 'busy', 'stopped'] as const satisfies SlotState[]

/** The gauges of what is so now. Until there is something to read from they have no values. */
export class ReadingGauges {
  private from: Readings | undefined

  constructor(make: Instruments, { wall }: { wall: () => number }) {
    this.counted(make, { name: 'slots', label: 'state', values: slotStates }, from =>
      [...from.slots()].map(({ state }) => state),
    )
    this.counted(make, { name: 'runs_open', label: 'phase', values: openPhases }, from =>
      from.runPhases(),
    )
    this.single(make, 'lease_held', from => Number(from.leaseHeld()))
    this.single(make, 'leading', from => Number(from.leading()))
    this.single(make, 'gateway_held_calls', from => from.heldCalls())
    this.single(make, 'ledger_pages', from => from.ledgerPages())
    make.gauge('watch_age_seconds', helps.watch_age_seconds, {
      labels: ['watch'],
      read: gauge => {
        gauge.reset()
        for (const { watch, lastFresh } of this.from?.freshness() ?? [])
          if (lastFresh > 0) gauge.set({ watch }, Math.max(0, wall() - lastFresh) / 1_000)
      },
    })
  }

  readFrom(readings: Readings): void {
    this.from = readings
  }

  private counted<L extends string>(
    make: Instruments,
    { name, label, values }: { name: keyof typeof helps; label: L; values: readonly string[] },
    read: (from: Readings) => Iterable<string>,
  ): void {
    make.gauge<L>(name, helps[name], {
      labels: [label],
      read: gauge => {
        if (!this.from) return
        const counts = new Map(values.map(value => [value, 0]))
        for (const value of read(this.from)) counts.set(value, (counts.get(value) ?? 0) + 1)
        for (const [value, count] of counts)
          gauge.set({ [label]: value } as Record<L, string>, count)
      },
    })
  }

  private single(
    make: Instruments,
    name: keyof typeof helps,
    read: (from: Readings) => number,
  ): void {
    make.gauge(name, helps[name], {
      read: gauge => {
        if (this.from) gauge.set(read(this.from))
        else gauge.remove()
      },
    })
  }
}

const helps = {
  slots: 'Slots by state: each is one agent at Buildkite, but for those that are down or stopped.',
  runs_open: 'Runs that go on, by the phase that they are in.',
  lease_held:
    'Whether this process may write to Kubernetes and to Buildkite: 1 for one process at most.',
  leading: 'Whether this process serves pods and takes jobs.',
  gateway_held_calls: 'Calls of pods that wait at the gateway until upstream or the lease is back.',
  ledger_pages:
    "Pages of the ledger that this process writes; each is a Secret with eight slots' records.",
  watch_age_seconds:
    'Seconds since the API server last proved that what a watch knows is current; absent before its first list.',
} as const
