import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'

/**
 * A pod's body on its way upstream. Nothing of it is read before upstream is, and no faster than upstream reads; when
 * `cut` says so nothing more of it goes there. Destroying it leaves the pod's connection as it is.
 */
export class PodBody extends Readable {
  /** Whether any of it has been read: it can't be sent a second time then. */
  begun = false
  /** Whether all of it has been handed on. */
  ended = false
  /** Whether we have cut it off. */
  wasCut = false

  constructor(
    private readonly request: IncomingMessage,
    private readonly cut: () => boolean,
  ) {
    super({ highWaterMark: 64 * 1024 })
    this.on('error', () => undefined)
  }

  override _read(): void {
    if (this.begun) this.request.resume()
    else this.begin()
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.request.off('data', this.data).off('end', this.end).off('close', this.left)
    // The rest is for nobody; until it has been read, the pod's connection is of no use.
    if (this.begun) this.request.resume()
    done(error)
  }

  private begin(): void {
    this.begun = true
    if (this.request.destroyed && !this.request.readableEnded) return this.left()
    this.request.on('data', this.data).on('end', this.end).on('close', this.left)
  }

  private readonly data = (piece: Buffer): void => {
    if (this.cut()) {
      this.wasCut = true
      this.destroy(new Error('the run is over'))
    } else if (!this.push(piece)) this.request.pause()
  }

  private readonly end = (): void => {
    this.ended = true
    this.push(null)
  }

  private readonly left = (): void => {
    if (!this.ended) this.destroy(new Error('the pod went away in the middle of its body'))
  }
}

/** A small body that was read already, sent on as it came. */
export class ReadBody extends Readable {
  begun = false
  ended = false
  readonly wasCut = false

  constructor(private readonly body: Buffer) {
    super()
    this.on('error', () => undefined)
  }

  override _read(): void {
    this.begun = true
    this.push(this.body)
    this.push(null)
    this.ended = true
  }
}
