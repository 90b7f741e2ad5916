import { createHash } from 'node:crypto'

/** The labels of all objects that a job spawner keeps for itself. */
export function instanceLabels(instance: string): Record<string, string> {
  return {
    'app.kubernetes.io/managed-by': 'job-spawner',
    'job-spawner/instance': instanceLabel(instance),
  }
}

/** Enough for `-slot-` and nine digits in the 63 characters of a DNS label. */
const longest = 47

/** The instance as a DNS label: itself when it is one, else what is left of it and a hash, so that no two become one. */
export function instanceLabel(instance: string): string {
  const legal = instance
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]+/g, '-')
    .replace(/^-+|-+$/g, '')
  if (legal === instance && legal !== '' && legal.length <= longest) return legal
  const hash = createHash('sha256').update(instance).digest('hex').slice(0, 8)
  const kept = legal.slice(0, longest - hash.length - 1).replace(/-+$/, '')
  return kept === '' ? `instance-${hash}` : `${kept}-${hash}`
}
