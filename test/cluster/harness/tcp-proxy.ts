import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import type { Teardown } from './namespaces.js'

/** How a way is no way: new connections are refused and the old ones broken, or they stay and nothing comes through. */
export type Cut = 'refused' | 'silent'

/** A way to a port of this machine that can be cut. It ends with the test. */
export async function startProxy(t: Teardown, target: number): Promise<TcpProxy> {
  const proxy = new TcpProxy(target)
  t.teardown(() => proxy.cut('refused'))
  await proxy.mend()
  return proxy
}

/** See `startProxy`. */
export class TcpProxy {
  /** Where it listens, also after a cut. */
  port = 0
  private server: Server | undefined
  private readonly pairs = new Set<[Socket, Socket]>()
  private silent = false

  constructor(private readonly target: number) {}

  /** Nothing comes through from now on. */
  async cut(how: Cut): Promise<void> {
    this.silent = how === 'silent'
    if (this.silent) {
      for (const [a, b] of this.pairs) {
        a.unpipe().pause()
        b.unpipe().pause()
      }
      return
    }
    const { server } = this
    this.server = undefined
    for (const pair of this.pairs) for (const socket of pair) socket.destroy()
    if (server) await once(server.close(), 'close')
  }

  /** Everything comes through again; on the connections of before a silent cut, what has gathered there too. */
  async mend(): Promise<void> {
    this.silent = false
    for (const [a, b] of this.pairs) join(a, b)
    if (this.server) return
    this.server = createServer(socket => this.take(socket)).listen(this.port, '0.0.0.0')
    await once(this.server, 'listening')
    this.port = (this.server.address() as AddressInfo).port
  }

  private take(from: Socket): void {
    const to = connect(this.target, '127.0.0.1')
    const pair: [Socket, Socket] = [from, to]
    this.pairs.add(pair)
    for (const [socket, other] of [pair, [to, from] as const]) {
      socket.on('error', () => other.destroy())
      socket.on('close', () => {
        other.destroy()
        this.pairs.delete(pair)
      })
    }
    if (!this.silent) join(from, to)
  }
}

function join(a: Socket, b: Socket): void {
  a.pipe(b)
  b.pipe(a)
}
