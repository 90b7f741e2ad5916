import { createHash } from 'node:crypto'
import type { V1Secret } from '@kubernetes/client-node'

/** The type of the ledger's Secrets. The API server never lets a Secret's type change. */
export const secretType = 'job-spawner/ledger'

/** The name of a slot's Secret: `INSTANCE-slot-N`, legal in DNS for any instance. */
export function slotSecretName(instance: string, slot: number): string {
  return `${instanceLabel(instance)}-slot-${slot}`
}

/** The slot of a Secret of that name; nothing when the name is not of our making. */
export function slotOfSecretName(instance: string, name: string): number | undefined {
  const prefix = `${instanceLabel(instance)}-slot-`
  const number = name.startsWith(prefix) ? name.slice(prefix.length) : ''
  return /^\d{1,9}$/.test(number) ? Number(number) : undefined
}

/** The labels that say whose Secret it is. */
export function ledgerLabels(instance: string): Record<string, string> {
  return {
    'app.kubernetes.io/managed-by': 'job-spawner',
    'job-spawner/instance': instanceLabel(instance),
  }
}

/** The selector of an instance's Secrets. */
export function ledgerSelector(instance: string): string {
  const pairs = Object.entries(ledgerLabels(instance))
  return pairs.map(([name, value]) => `${name}=${value}`).join(',')
}

/** The Secret of a slot, with the data of its record; `resourceVersion` is the one that it replaces. */
export function slotSecret(slot: {
  instance: string
  slot: number
  data: Record<string, string>
  resourceVersion?: string
}): V1Secret {
  const name = slotSecretName(slot.instance, slot.slot)
  const labels = ledgerLabels(slot.instance)
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    type: secretType,
    metadata: { name, labels, resourceVersion: slot.resourceVersion },
    data: slot.data,
  }
}

/** Enough for `-slot-` and nine digits in the 63 characters of a DNS label. */
const longest = 47

/** The instance as a DNS label: itself when it is one, else what is left of it and a hash, so that no two become one. */
function instanceLabel(instance: string): string {
  const legal = instance
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]+/g, '-')
    .replace(/^-+|-+$/g, '')
  if (legal === instance && legal !== '' && legal.length <= longest) return legal
  const hash = createHash('sha256').update(instance).digest('hex').slice(0, 8)
  const kept = legal.slice(0, longest - hash.length - 1).replace(/-+$/, '')
  return kept === '' ? `instance-${hash}` : `${kept}-${hash}`
}
