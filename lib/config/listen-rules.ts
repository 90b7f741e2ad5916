import type { Fault } from './fault.js'
import type { Values } from './flags.js'
import { listenAddress, type ListenAddress } from './formats.js'
import { options } from './schema.js'

/**
 * Whether the gateway and the metrics would listen at one place: the second of them could not, and it is only the
 * leader that finds out. Port 0 is any free one, and so none that is taken.
 */
export function listenFaults(values: Values): Fault[] {
  const gateway = listenAddress(values['gateway-listen'])
  const metrics = listenAddress(values['metrics-listen'])
  if (!gateway || !metrics || gateway.port === 0 || !meet(gateway, metrics)) return []
  // The one that somebody has set is the one to blame.
  const isUsual = values['metrics-listen'] === options['metrics-listen'].default
  const [blamed, other] = isUsual
    ? (['gateway-listen', 'metrics-listen'] as const)
    : (['metrics-listen', 'gateway-listen'] as const)
  return [
    {
      path: [blamed],
      wanted: `another port than that of ${other}`,
      found: `${String(values[blamed])}, where ${other} is ${String(values[other])}`,
      hint: 'choose another port for one of them',
    },
  ]
}

function meet(one: ListenAddress, other: ListenAddress): boolean {
  if (one.port !== other.port) return false
  return one.host === other.host || [one.host, other.host].some(isEvery)
}

function isEvery(host: string): boolean {
  return host === '0.0.0.0' || host === '::'
}
