import type { V1Secret } from '@kubernetes/client-node'
import { isClusterError, isNotFound } from '../cluster/cluster-error.js'
import type { SecretVerbs } from '../cluster/secrets.js'
import { slotSecret, slotSecretName } from './names.js'

/** How often a write that others' writes overtake is tried again at once; after that it counts as a passing fault. */
const mostOvertakes = 5

/** Which slot's Secret, and where. */
export interface SlotPlace {
  secrets: SecretVerbs
  instance: string
  slot: number
}

/**
 * One slot's Secret in the cluster. It remembers the version that it wrote or read last, so that a write is one
 * request. A write whose answer was lost may be repeated: it finds its own traces and writes again.
 */
export class SlotSecret {
  readonly #place: SlotPlace
  #version: string | undefined

  constructor(place: SlotPlace, version?: string) {
    this.#place = place
    this.#version = version
  }

  /** Makes the Secret's data so, whatever it was. Throws `ClusterError`. */
  async write(data: Record<string, string>): Promise<void> {
    for (let overtakes = 0; ; overtakes++) {
      try {
        const written = await this.#writeOnce(data)
        this.#version = written.metadata?.resourceVersion
        return
      } catch (error) {
        const overtaken = isClusterError(error, 'exists') || isClusterError(error, 'conflict')
        const vanished = this.#version !== undefined && isNotFound(error)
        if (!(overtaken || vanished) || overtakes >= mostOvertakes) throw error
        this.#version = await this.#currentVersion()
      }
    }
  }

  /** Removes the Secret. Fine when there is none. Throws `ClusterError`. */
  async remove(): Promise<void> {
    try {
      await this.#place.secrets.delete(this.#name)
    } catch (error) {
      if (!isNotFound(error)) throw error
    }
    this.#version = undefined
  }

  get #name(): string {
    return slotSecretName(this.#place.instance, this.#place.slot)
  }

  #writeOnce(data: Record<string, string>): Promise<V1Secret> {
    const { secrets, instance, slot } = this.#place
    const resourceVersion = this.#version
    const secret = slotSecret({ instance, slot, data, resourceVersion })
    return resourceVersion === undefined ? secrets.create(secret) : secrets.replace(secret)
  }

  async #currentVersion(): Promise<string | undefined> {
    try {
      return (await this.#place.secrets.get(this.#name)).metadata?.resourceVersion
    } catch (error) {
      if (isNotFound(error)) return undefined
      throw error
    }
  }
}
