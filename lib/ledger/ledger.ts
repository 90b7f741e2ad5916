import type { V1Secret } from '@kubernetes/client-node'
import type { Clock } from '../clock.js'
import { backoffMs } from '../cluster/backoff.js'
import { isClusterError } from '../cluster/cluster-error.js'
import type { SecretVerbs } from '../cluster/secrets.js'
import { isProblem, Problem } from '../errors.js'
import type { Log } from '../log.js'
import { LatestWins } from './latest-wins.js'
import { ledgerSelector, slotOfSecretName, slotSecretName } from './names.js'
import { decodeRecord, encodeRecord, type SlotRecord } from './record.js'
import { SlotSecret } from './slot-secret.js'

export interface LedgerOptions {
  secrets: SecretVerbs
  /** Which spawner's ledger it is, when several share a namespace. */
  instance: string
  log: Log
  clock: Clock
  /** Ends the waiting on passing faults: what is not written by then is rejected with the signal's reason. */
  signal?: AbortSignal
}

/** A record may be 1 MB: few to a page. */
const pageSize = 50

type Wanted = { data: Record<string, string> } | 'removed'

/**
 * What outlives the process: one Secret for each slot. Passing faults of the cluster are waited out; final ones
 * reject with `ClusterError`.
 */
export class Ledger {
  readonly #options: LedgerOptions
  readonly #slots = new Map<number, LatestWins<Wanted>>()
  readonly #versions = new Map<number, string>()
  readonly #unreadable = new Set<number>()

  constructor(options: LedgerOptions) {
    this.#options = options
  }

  /** Slots whose record `load` could not read. They are kept as they are, and `put` refuses them: do not use them. */
  get unreadable(): ReadonlySet<number> {
    return this.#unreadable
  }

  /** The records of all slots, lowest first. One that cannot be read is logged, left out, and kept in the cluster. */
  async load(): Promise<SlotRecord[]> {
    const secrets = await this.#patiently('load', () => this.#list())
    const records = secrets.flatMap(secret => this.#readRecord(secret) ?? [])
    return records.toSorted((a, b) => a.slot - b.slot)
  }

  /**
   * Resolves when the record, or a later one of the same slot, is in the cluster. The record is read at once, so it may
   * be changed after the call.
   * @throws Problem LEDGER_RECORD when it is too large, or the slot is `unreadable`
   */
  async put(record: SlotRecord): Promise<void> {
    if (this.#unreadable.has(record.slot)) throw this.#occupied(record.slot)
    await this.#slot(record.slot).put({ data: encodeRecord(record) })
  }

  /** Resolves when the slot's record is out of the cluster, or a later one has been put. */
  async remove(slot: number): Promise<void> {
    await this.#slot(slot).put('removed')
    this.#unreadable.delete(slot)
  }

  #slot(slot: number): LatestWins<Wanted> {
    const known = this.#slots.get(slot)
    if (known) return known
    const { secrets, instance } = this.#options
    const secret = new SlotSecret({ secrets, instance, slot }, this.#versions.get(slot))
    const write = (wanted: Wanted) =>
      wanted === 'removed' ? secret.remove() : secret.write(wanted.data)
    const made = new LatestWins<Wanted>(latest =>
      this.#patiently(`slot ${slot}`, () => write(latest())),
    )
    this.#slots.set(slot, made)
    return made
  }

  async #list(): Promise<V1Secret[]> {
    const { secrets, instance } = this.#options
    const labelSelector = ledgerSelector(instance)
    const found: V1Secret[] = []
    let continueToken: string | undefined
    do {
      const page = await secrets.list({ labelSelector, limit: pageSize, continueToken })
      found.push(...page.items)
      continueToken = page.continueToken
    } while (continueToken)
    return found
  }

  #readRecord({ metadata, data }: V1Secret): SlotRecord | undefined {
    const { secrets, instance, log } = this.#options
    const name = metadata?.name ?? ''
    const slot = slotOfSecretName(instance, name)
    if (slot === undefined) return undefined
    if (metadata?.resourceVersion) this.#versions.set(slot, metadata.resourceVersion)
    try {
      const record = decodeRecord(data, `Secret ${secrets.namespace}/${name}`)
      if (record.slot === slot) return record
      throw this.#occupied(slot, `the record of slot ${record.slot}`)
    } catch (err) {
      if (!isProblem(err)) throw err
      this.#unreadable.add(slot)
      log.error({ err, secret: name }, 'ledger record left out')
      return undefined
    }
  }

  #occupied(slot: number, found = 'a record that cannot be read'): Problem {
    const { secrets, instance } = this.#options
    const name = slotSecretName(instance, slot)
    return new Problem('LEDGER_RECORD', `slot ${slot} has a record that is kept as it is`, {
      where: `Secret ${secrets.namespace}/${name}`,
      wanted: 'a slot without a record, or with one that we can read',
      found,
      hint: 'run the version of the spawner that wrote it; delete the Secret when its run is over',
    })
  }

  /** Again and again while the fault is a passing one. */
  async #patiently<T>(what: string, act: () => Promise<T>): Promise<T> {
    const { clock, log, signal } = this.#options
    for (let attempt = 0; ; attempt++) {
      signal?.throwIfAborted()
      try {
        return await act()
      } catch (error) {
        if (!isClusterError(error) || error.disposition === 'final') throw error
        const ms = Math.max(backoffMs(attempt, clock.random()), error.retryAfterMs ?? 0)
        log.warn({ err: error, what, attempt, ms }, 'ledger waits')
        await clock.sleep(ms, signal)
      }
    }
  }
}
