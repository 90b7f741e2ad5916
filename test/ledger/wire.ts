import { ClusterError } from '../../lib/cluster/cluster-error.js'
import type { SecretVerbs } from '../../lib/cluster/secrets.js'
import { writerIn } from '../../lib/ledger/page.js'
import { FakeSecrets } from './fake-secrets.js'

/** Numbers that look random and come again with the seed (mulberry32). `below(n)` is in [0, n). */
export class Dice {
  constructor(private state: number) {}

  below(limit: number): number {
    this.state = (this.state + 0x6d2b79f5) | 0
    let mixed = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296) * limit)
  }
}

/**
 * The way from several processes to one API server, on which requests and answers stand until they are moved on, in any
 * order. Answers get lost, and a process that has crashed gets none: what it had sent may still arrive.
 */
export class Wire {
  readonly secrets = new FakeSecrets()
  /** The writers that the head has named, in their order. */
  readonly heads: string[] = []
  private readonly underWay: { act: () => void; what: string }[] = []
  private readonly crashed = new Set<string>()

  constructor(
    private readonly dice: Dice,
    private readonly lossy: boolean,
  ) {}

  get idle(): boolean {
    return this.underWay.length === 0
  }

  crash(id: string): void {
    this.crashed.add(id)
  }

  /** Moves one request or answer on; says which. */
  move(): string {
    const [next] = this.underWay.splice(this.dice.below(this.underWay.length), 1)
    next?.act()
    return next?.what ?? ''
  }

  /** What the process of that name has in its hands. */
  verbs(id: string): SecretVerbs {
    const { secrets } = this
    const send = <T>(what: string, act: () => Promise<T>) => this.send(id, { what, act })
    return {
      namespace: secrets.namespace,
      list: page => send('list', () => secrets.list(page)),
      get: name => send(`get ${name}`, () => secrets.get(name)),
      create: secret => send(`create ${secret.metadata?.name}`, () => secrets.create(secret)),
      replace: secret => send(`replace ${secret.metadata?.name}`, () => secrets.replace(secret)),
      delete: (name, at) => send(`delete ${name}`, () => secrets.delete(name, at)),
    }
  }

  private send<T>(id: string, { what, act }: { what: string; act: () => Promise<T> }): Promise<T> {
    if (this.crashed.has(id)) return new Promise(() => undefined)
    return new Promise((resolve, reject) => {
      const arrive = async () => {
        const outcome = await act().then(
          value => () => resolve(value),
          (error: Error) => () => reject(error),
        )
        this.noteHead()
        const answer = () => {
          if (this.crashed.has(id)) return
          if (this.lossy && this.dice.below(8) === 0) reject(cutOff())
          else outcome()
        }
        this.underWay.push({ what: `answer to ${id} ${what}`, act: answer })
      }
      this.underWay.push({ what: `${id} ${what}`, act: () => void arrive() })
    })
  }

  private noteHead(): void {
    const id = writerIn(this.secrets.kept.get('host-ledger')?.data)?.id
    if (id !== undefined && this.heads.at(-1) !== id) this.heads.push(id)
  }
}

function cutOff(): ClusterError {
  return new ClusterError({ reason: 'ECONNRESET', message: 'cut' })
}
