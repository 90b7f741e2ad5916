import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

/** `cut`: connections break and none is made. `silent`: bytes stand still both ways until it is open again. */
export type LinkState = 'open' | 'cut' | 'silent'

/** A place where a link ends. */
export interface Address {
  host: string
  port: number
}

/** A piece of network: whoever connects to its port is led to the target, as long as the link is open. */
export class Link {
  readonly #server = createServer(socket => this.#accept(socket))
  readonly #sockets = new Set<Socket>()
  readonly #target: () => Address | undefined
  #state: LinkState = 'open'

  /** `target` is asked at each connection; without one it is refused. */
  constructor(target: () => Address | undefined) {
    this.#target = target
  }

  async listen(): Promise<this> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    return this
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  get state(): LinkState {
    return this.#state
  }

  set state(state: LinkState) {
    this.#state = state
    for (const socket of this.#sockets) {
      if (state === 'cut') socket.destroy()
      else if (state === 'silent') socket.pause()
      else socket.resume()
    }
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }

  // When it speaks, and no sooner: the `fetch` of Node 20, which pods use, never hears of a connection that is reset
  // while it loads what it reads answers with.
  #refuse(near: Socket): void {
    this.#sockets.add(near)
    near.on('close', () => this.#sockets.delete(near))
    near.on('error', () => undefined)
    near.once('data', () => near.resetAndDestroy())
  }

  #accept(near: Socket): void {
    const target = this.#state === 'cut' ? undefined : this.#target()
    if (!target) return this.#refuse(near)
    const far = connect(target)
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(from)
      from.setNoDelay(true)
      from.on('data', data => {
        if (!to.write(data)) from.pause()
      })
      to.on('drain', () => this.#state === 'silent' || from.resume())
      from.on('end', () => to.end())
      from.on('error', () => to.destroy())
      from.on('close', () => {
        this.#sockets.delete(from)
        to.destroy()
      })
      if (this.#state === 'silent') from.pause()
    }
  }
}
