import { isDeepStrictEqual } from 'node:util'
import type { V1Secret } from '@kubernetes/client-node'
import { ClusterError } from '../../lib/cluster/cluster-error.js'
import type { SecretVerbs } from '../../lib/cluster/secrets.js'

type Verb = 'list' | 'get' | 'create' | 'replace' | 'delete'

/** What goes wrong with one request: it is refused with a status, or done and its answer lost. */
export type Fault = number | 'lost'

/** Secrets in memory with the API server's rules on names and versions, and the faults that a test asks for. */
export class FakeSecrets implements SecretVerbs {
  readonly namespace = 'ledger'
  readonly kept = new Map<string, V1Secret>()
  /** Every request, as `VERB NAME`. */
  readonly asked: string[] = []
  /** Taken from the front, one for each request; undefined lets it pass. */
  faults: (Fault | undefined)[] = []
  /** While set, requests wait for it. */
  gate: Promise<void> | undefined
  #version = 0

  /** What was asked but for reads, from the front; and forgets it. */
  writes(): string[] {
    return this.asked.splice(0).filter(line => !/^(list|get)/.test(line))
  }

  list({ labelSelector, limit, continueToken }: Parameters<SecretVerbs['list']>[0]) {
    return this.#act('list', labelSelector, () => {
      const wanted = labelSelector.split(',').map(pair => pair.split('='))
      const all = [...this.kept.values()].filter(({ metadata }) =>
        wanted.every(([name = '', value]) => metadata?.labels?.[name] === value),
      )
      const from = Number(continueToken ?? 0)
      const next = from + limit < all.length ? String(from + limit) : undefined
      const items = all.slice(from, from + limit)
      return { items, resourceVersion: String(this.#version), continueToken: next }
    })
  }

  get(name: string): Promise<V1Secret> {
    return this.#act('get', name, () => this.#existing(name))
  }

  create(secret: V1Secret): Promise<V1Secret> {
    const name = secret.metadata?.name ?? ''
    return this.#act('create', name, () => {
      if (this.kept.has(name)) throw refusal(409, 'AlreadyExists')
      return this.#keep(name, secret)
    })
  }

  replace(secret: V1Secret): Promise<V1Secret> {
    const name = secret.metadata?.name ?? ''
    return this.#act('replace', name, () => {
      const kept = this.#existing(name)
      const current = kept.metadata?.resourceVersion === secret.metadata?.resourceVersion
      if (!current) throw refusal(409, 'Conflict')
      if (kept.immutable) throw refusal(422, 'Invalid')
      // As the API server: what changes nothing makes no new version.
      return isDeepStrictEqual(kept.data, secret.data) ? kept : this.#keep(name, secret)
    })
  }

  delete(name: string, precondition?: { resourceVersion: string }): Promise<void> {
    return this.#act('delete', name, () => {
      const { metadata } = this.#existing(name)
      const wanted = precondition?.resourceVersion ?? metadata?.resourceVersion
      if (wanted !== metadata?.resourceVersion) throw refusal(409, 'Conflict')
      this.kept.delete(name)
    })
  }

  async #act<T>(verb: Verb, name: string, act: () => T): Promise<T> {
    this.asked.push(`${verb} ${name}`)
    await this.gate
    const fault = this.faults.shift()
    if (typeof fault === 'number') throw refusal(fault, 'Fault')
    const done = act()
    if (fault === 'lost') throw new ClusterError({ reason: 'ECONNRESET', message: 'cut' })
    return done
  }

  #existing(name: string): V1Secret {
    const found = this.kept.get(name)
    if (!found) throw refusal(404, 'NotFound')
    return found
  }

  #keep(name: string, secret: V1Secret): V1Secret {
    const resourceVersion = String(++this.#version)
    const kept = structuredClone(secret)
    kept.metadata = Object.assign(kept.metadata ?? {}, { resourceVersion })
    this.kept.set(name, kept)
    return kept
  }
}

function refusal(status: number, reason: string): ClusterError {
  return new ClusterError({ status, reason, message: reason })
}
