import type { RunRecord, SlotRecord } from '../ledger/record.js'
import type { AgentSession } from '../upstream/session.js'

/** What records need of the ledger. */
export interface RecordStore {
  /** Resolves when the record is durable. */
  put(record: SlotRecord): Promise<void>
  /** The record goes along with the next write, if there is one: it costs none of its own. */
  note(record: SlotRecord): void
  /** Resolves when the record is gone. */
  remove(slot: number): Promise<void>
}

/** The ledger's records as this process has them: a slot's session and its run, written together. */
export class Records {
  private readonly bySlot = new Map<number, SlotRecord>()

  constructor(private readonly store: RecordStore) {}

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

  /** What is good to know of the slot's run, and worth no write of its own. */
  noteRun(slot: number, run: RunRecord): void {
    this.note({ ...this.record(slot), run })
  }

  /**
   * The slot has no run any more. Not written: a later write says it, and until then a restart asks upstream, which
   * knows that the job is over. That saves one write a job.
   */
  clearRun(slot: number): void {
    this.note({ ...this.record(slot), run: undefined })
  }

  /** The slot is gone. */
  async forget(slot: number): Promise<void> {
    this.bySlot.delete(slot)
    await this.store.remove(slot)
  }

  private record(slot: number): SlotRecord {
    return this.bySlot.get(slot) ?? { version: 1, slot }
  }

  private note(record: SlotRecord): void {
    this.bySlot.set(record.slot, record)
    this.store.note(record)
  }

  private async put(record: SlotRecord): Promise<void> {
    this.bySlot.set(record.slot, record)
    await this.store.put(record)
  }
}
