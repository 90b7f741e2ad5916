import type { Ledger } from '../ledger/ledger.js'
import type { RunRecord, SlotRecord } from '../ledger/record.js'
import type { AgentSession } from '../upstream/session.js'

/** The ledger's records as this process has them: a slot's session and its run, written together. */
export class Records {
  private readonly bySlot = new Map<number, SlotRecord>()

  constructor(private readonly ledger: Pick<Ledger, 'put' | 'remove'>) {}

  /** Takes over what an earlier process left. */
  adopt(record: SlotRecord): void {
    this.bySlot.set(record.slot, record)
  }

  /** Makes the slot's session durable. */
  async setSession(slot: number, registration: AgentSession): Promise<void> {
    await this.put({ ...this.record(slot), registration })
  }

  /** Makes the slot's run durable. */
  async setRun(slot: number, run: RunRecord): Promise<void> {
    await this.put({ ...this.record(slot), run })
  }

  /**
   * The slot has no run any more. Not written: the slot's next record says it, and until then a restart asks upstream,
   * which knows that the job is over. That saves one write a job.
   */
  clearRun(slot: number): void {
    this.bySlot.set(slot, { ...this.record(slot), run: undefined })
  }

  /** The slot is gone. */
  async forget(slot: number): Promise<void> {
    this.bySlot.delete(slot)
    await this.ledger.remove(slot)
  }

  private record(slot: number): SlotRecord {
    return this.bySlot.get(slot) ?? { version: 1, slot }
  }

  private async put(record: SlotRecord): Promise<void> {
    this.bySlot.set(record.slot, record)
    await this.ledger.put(record)
  }
}
