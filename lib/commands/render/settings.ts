import { hostname } from 'node:os'
import type { PodConfig } from '../../config/config.js'
import { loadPodConfig } from '../../config/load.js'
import { defaultLedgerNamespace } from '../../ledger/namespace.js'
import type { OperatorSettings, PodSettings } from '../../pod/given/settings.js'
import { podSettings } from '../../run/pod-settings.js'

/**
 * The settings of `run` without those that only a run knows, which have placeholders: a gateway that does not
 * exist, and `job-spawner` for the installation that the host would name.
 */
export function renderSettings(
  flags: readonly string[],
  env: NodeJS.ProcessEnv,
): { config: PodConfig; settings: PodSettings } {
  const config = loadPodConfig(flags, env)
  return { config, settings: placeholderSettings(config) }
}

/** The settings of pods with these settings of the operator. */
export function placeholderSettings(config: PodConfig): PodSettings {
  // Else the output would differ from host to host.
  const instance = config.name === `${hostname()}-%i` ? 'job-spawner' : config.instance
  return {
    ...podSettings(config),
    instance: `${config.ledgerNamespace ?? defaultLedgerNamespace}.${instance}`,
    gatewayEndpoint: `${config.gatewayUrl ?? 'http://gateway.invalid:8480'}/v3`,
  }
}

/** What `run` has when nobody sets anything. */
export function usualSettings(): OperatorSettings {
  return podSettings(loadPodConfig([], {}))
}
