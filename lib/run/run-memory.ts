import type { Log } from '../log.js'
import type { Opening } from './journal.js'
import type { RunState } from './run-options.js'

/** What a run's memory is made of. */
export interface RunMemoryOptions {
  state: RunState
  /** Makes the state durable. */
  keep: (state: RunState) => Promise<void>
  /** The state goes along with the next write, if there is one. */
  note?: ((state: RunState) => void) | undefined
  /** Aborted when the run has ended, or is left to the next process: its slot's record may be another run's then. */
  signal: AbortSignal
  log: Log
}

/** What a process that takes a run over will know of it. */
export class RunMemory {
  state: RunState
  private cursorDropped: Promise<void> | undefined

  constructor(private readonly options: RunMemoryOptions) {
    this.state = options.state
  }

  /** Makes a change durable. */
  async keep(change: Partial<RunState>): Promise<void> {
    this.state = { ...this.state, ...change }
    await this.options.keep(this.state)
  }

  /** The same for our first lines. A position that was handed over is not written over. */
  async keepOpening(opening: Opening): Promise<void> {
    this.options.signal.throwIfAborted()
    await this.keep({ opening })
  }

  /** A change that costs no write. */
  note(change: Partial<RunState>): void {
    this.state = { ...this.state, ...change }
    if (!this.options.signal.aborted) this.options.note?.(this.state)
  }

  /**
   * Forgets, once, where an earlier process left the log: it is not where it stands once the pod writes on, and should we
   * crash, nobody may take it for that.
   */
  async dropCursor(): Promise<void> {
    this.cursorDropped ??= this.cursorGone()
    await this.cursorDropped
  }

  private async cursorGone(): Promise<void> {
    if (!this.state.cursor) return
    await this.keep({ cursor: undefined }).catch((error: unknown) =>
      this.options.log.warn({ err: error }, 'an old position of the log stays in the ledger'),
    )
  }
}
