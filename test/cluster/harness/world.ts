import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { startEmulator, type Emulator } from '../../../lib/sandbox/buildkite/server.js'
import { verbs, type Verbs } from '../../harness/builds.js'
import { agentImage, hostAddress, kubeconfig, programEnv } from './env.js'
import { makeNamespaces, type Namespaces, type Teardown } from './namespaces.js'
import { startSpawner, type Spawner } from '../../harness/spawner.js'
import { freePort } from '../../harness/ports.js'

// Kubernetes looks at some things again after minutes only, and at all of them later when several files run at once.
const limitMs = 240_000

/** The whole program on a real cluster. */
export interface World extends Verbs {
  upstream: Emulator
  namespaces: Namespaces
  spawner: Spawner
  /** Where pods reach the gateway: `http://host:port`. */
  gatewayUrl: string
}

/** The agent token of the tests, to be looked for where it may not be. */
export const clusterToken = 'cluster-token-that-no-pod-may-see'

/** What is different about a world. */
export interface WorldOptions {
  flags?: Record<string, string | number>
  maxInFlight?: number
  /** The config file of the spawner, for what no flag says. */
  config?: Record<string, unknown>
  /** Labels of the namespace of the Jobs. */
  labels?: Record<string, string>
}

/** An emulated upstream that pods reach, namespaces of the test's own, and a spawner outside the cluster. */
export async function startWorld(
  t: Test,
  { flags = {}, maxInFlight = 4, config, labels }: WorldOptions = {},
): Promise<World> {
  const upstream = await startUpstream(t)
  const namespaces = await makeNamespaces(t, labels)
  const port = await freePort('0.0.0.0')
  const gatewayUrl = flags['gateway-url'] ?? `http://${hostAddress}:${port}`
  const spawner = startSpawner(t, {
    token: clusterToken,
    env: programEnv,
    flags: {
      endpoint: upstream.endpoint,
      name: `${namespaces.jobs}-%i`,
      namespace: namespaces.jobs,
      'ledger-namespace': namespaces.ledger,
      kubeconfig,
      'agent-image': agentImage,
      'image-pull-policy': 'IfNotPresent',
      'gateway-listen': `0.0.0.0:${port}`,
      'metrics-listen': '127.0.0.1:0',
      'gateway-url': gatewayUrl,
      'log-level': 'debug',
      'max-in-flight': maxInFlight,
      ...(config === undefined ? {} : { config: configFile(t, config) }),
      ...flags,
    },
  })
  return {
    upstream,
    namespaces,
    spawner,
    gatewayUrl: String(gatewayUrl),
    ...verbs(upstream, limitMs),
  }
}

function configFile(t: Test, config: Record<string, unknown>): string {
  const folder = mkdtempSync(join(tmpdir(), 'spawner-config-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, 'config.yaml')
  writeFileSync(file, JSON.stringify(config))
  return file
}

/** The emulator where pods reach it. When the test ends, it has nothing to object to. */
export async function startUpstream(t: Teardown): Promise<Emulator> {
  const upstream = await startEmulator({
    token: clusterToken,
    host: '0.0.0.0',
    publicHost: hostAddress,
    defaultQueue: 'bk-operator',
  })
  t.teardown(async () => {
    const { violations } = upstream
    await upstream.close()
    // tap takes no assertion in a teardown, but an error there fails the test.
    if (violations.length > 0) throw new Error(`upstream objects: ${violations.join('; ')}`)
  })
  return upstream
}
