import type { V1Secret } from '@kubernetes/client-node'
import { instanceLabel, instanceLabels } from '../cluster/instance.js'

/** The type of the ledger's Secrets. The API server never lets a Secret's type change. */
export const secretType = 'job-spawner/ledger'

/** Slots to a page. */
export const slotsPerPage = 8

/** The page that a slot is on. */
export function pageOfSlot(slot: number): number {
  return Math.floor(slot / slotsPerPage)
}

/** What a Secret of the ledger is, as its name says. */
export type SecretRole =
  | { role: 'head' }
  | { role: 'page'; page: number }
  | { role: 'annex'; page: number }
  /** Format 1: one Secret for each slot. */
  | { role: 'slot'; slot: number }

/** The name of the Secret that says who writes the ledger: `INSTANCE-ledger`. */
export function headName(instance: string): string {
  return `${instanceLabel(instance)}-ledger`
}

/** The name of a page's Secret: `INSTANCE-ledger-PAGE`. */
export function pageName(instance: string, page: number): string {
  return `${headName(instance)}-${page}`
}

/** The name of the Secret of one large record. `mark` is of lower-case letters and digits, and never used twice. */
export function annexName(
  instance: string,
  { slot, mark }: { slot: number; mark: string },
): string {
  return `${pageName(instance, pageOfSlot(slot))}-slot-${slot}-${mark}`
}

/** The name of a slot's Secret in format 1: `INSTANCE-slot-N`. */
export function slotSecretName(instance: string, slot: number): string {
  return `${instanceLabel(instance)}-slot-${slot}`
}

/** What the Secret of that name is; nothing when the name is not of our making. */
export function roleOfSecret(instance: string, name: string): SecretRole | undefined {
  const prefix = `${instanceLabel(instance)}-`
  if (!name.startsWith(prefix)) return undefined
  const rest = name.slice(prefix.length)
  if (rest === 'ledger') return { role: 'head' }
  const [, slot] = /^slot-(\d{1,9})$/.exec(rest) ?? []
  if (slot !== undefined) return { role: 'slot', slot: Number(slot) }
  const [, page, mark] = /^ledger-(\d{1,9})(-slot-\d{1,9}-[a-z0-9]+)?$/.exec(rest) ?? []
  if (page === undefined) return undefined
  return { role: mark === undefined ? 'page' : 'annex', page: Number(page) }
}

/** The selector of an instance's Secrets. */
export function ledgerSelector(instance: string): string {
  const pairs = Object.entries(instanceLabels(instance))
  return pairs.map(([name, value]) => `${name}=${value}`).join(',')
}

/** A Secret of the ledger; `resourceVersion` is the one that it replaces. */
export function ledgerSecret(given: {
  instance: string
  name: string
  data: Record<string, string>
  resourceVersion?: string
  immutable?: true
}): V1Secret {
  const { instance, name, data, resourceVersion, immutable } = given
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    type: secretType,
    metadata: { name, labels: instanceLabels(instance), resourceVersion },
    immutable,
    data,
  }
}
