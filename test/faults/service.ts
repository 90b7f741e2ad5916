import { request } from 'node:http'
import { Link, type Address } from './link.js'
import { now } from './time.js'

const lookEveryMs = 100
const patienceMs = 500

/**
 * What stands between pods and processes, as a Service does: new connections go to the one that answers /readyz with
 * 200. Connections that are there stay where they are, as they do when a Service's endpoints change.
 */
export class Service {
  readonly #backends: readonly Address[]
  readonly #link: Link
  readonly #timer: NodeJS.Timeout
  #ready: readonly Address[] = []
  #lookedAt = 0
  #away: readonly Address[] = []
  #looking = false

  constructor(backends: readonly Address[]) {
    this.#backends = backends
    this.#link = new Link(() => this.#ready[0])
    this.#timer = setInterval(() => void this.#look(), lookEveryMs)
  }

  async listen(): Promise<this> {
    await this.#link.listen()
    return this
  }

  get url(): string {
    return `http://127.0.0.1:${this.#link.port}`
  }

  /** The network between pods and the service. */
  get link(): Link {
    return this.#link
  }

  /** Those that say that they are ready, as of the last look. */
  get ready(): readonly Address[] {
    return this.#ready
  }

  /** When the last look began. */
  get lookedAt(): number {
    return this.#lookedAt
  }

  /** Those that did not answer at the last look, not even that they are not ready. */
  get away(): readonly Address[] {
    return this.#away
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    await this.#link.close()
  }

  async #look(): Promise<void> {
    if (this.#looking) return
    this.#looking = true
    const began = now()
    const answers = await Promise.all(this.#backends.map(readiness))
    this.#ready = this.#backends.filter((_, index) => answers[index] === 200)
    this.#away = this.#backends.filter((_, index) => answers[index] === undefined)
    this.#lookedAt = began
    this.#looking = false
  }
}

/** The status of the answer to /readyz; undefined when there is none. */
function readiness({ host, port }: Address): Promise<number | undefined> {
  return new Promise(resolve => {
    const asked = request({ host, port, path: '/readyz', agent: false, timeout: patienceMs })
    asked.once('response', response => {
      response.resume()
      resolve(response.statusCode)
    })
    asked.once('timeout', () => asked.destroy())
    asked.once('error', () => resolve(undefined))
    asked.once('close', () => resolve(undefined))
    asked.end()
  })
}
