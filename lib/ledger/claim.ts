import { Problem } from '../errors.js'
import type { Writer } from './page.js'

/** This process as the ledger's writer, until it is fenced off by another. */
export class Claim {
  /** 0 until the ledger has been claimed. */
  epoch = 0
  private lost: Problem | undefined

  constructor(
    readonly id: string,
    private readonly onFenced: (problem: Problem) => void = () => undefined,
  ) {}

  get writer(): Writer {
    return { epoch: this.epoch, id: this.id }
  }

  /** Whether another writer has fenced us off. */
  get isLost(): boolean {
    return this.lost !== undefined
  }

  /** @throws Problem LEASE_LOST once we are fenced off */
  check(): void {
    if (this.lost) throw this.lost
  }

  /** We are fenced off, for good. The first call is told to the program; all give the same problem. */
  lose(where: string, found: Writer | undefined): Problem {
    if (this.lost) return this.lost
    this.lost = new Problem('LEASE_LOST', 'another job spawner has taken the ledger over', {
      where,
      wanted: `the writer of epoch ${this.epoch}, this process`,
      found: found ? `another writer, of epoch ${found.epoch}` : 'another writer, or none',
      hint: 'nothing is to be done when there are replicas; else see to it that no two installations have one name in one namespace',
    })
    this.onFenced(this.lost)
    return this.lost
  }
}
