import type { V1Pod } from '@kubernetes/client-node'
import type { Emulator } from '../../../lib/sandbox/buildkite/server.js'
import { verbs, type Verbs } from '../../harness/builds.js'
import { agentImage, hostAddress, root } from './env.js'
import { buildSpawnerImage, spawnerImage } from './image.js'
import { eventually, helm, kubectl, kubectlJson } from './kubectl.js'
import { makeNamespaces, type Namespaces, type Teardown } from './namespaces.js'
import { leads } from './spawner-pods.js'
import { clusterToken, startUpstream } from './world.js'

/** The chart, installed, with as many pods as its values say. */
export interface Release extends Verbs {
  upstream: Emulator
  namespaces: Namespaces
  /** `helm upgrade --wait` with further values, which stay. */
  upgrade(values: Values): Promise<void>
  /** The spawner's pods that are to stay. */
  pods(): Promise<V1Pod[]>
  /** The pod that leads, as soon as there is exactly one. */
  leader(): Promise<V1Pod>
}

/** What the release is for: its end is the release's, and when it has failed, the release's log is shown. */
export interface Purpose extends Teardown {
  passing(): boolean
  comment(text: string): void
}

/** Values of the chart. */
export type Values = Record<string, unknown> & { config?: Record<string, unknown> }

const name = 'ci'
// Made once for all releases of a process.
let image: Promise<void> | undefined
const selector = ['-l', 'app.kubernetes.io/name=job-spawner']

/** Installs the chart, with the built package as its image, between an emulated upstream and the cluster. */
export async function installRelease(t: Purpose, own: Values = {}): Promise<Release> {
  const upstream = await startUpstream(t)
  const namespaces = await makeNamespaces(t)
  const space = ['--namespace', namespaces.ledger]
  await (image ??= buildSpawnerImage())
  let values = merged(usualValues(upstream, namespaces), own)
  const deploy = (command: 'install' | 'upgrade') => {
    const chart = [name, `${root}helm/job-spawner`, ...space]
    const args = [command, ...chart, '--wait', '--timeout', '180s', '--values', '-']
    return helm(args, JSON.stringify(values))
  }
  const pods = async () => {
    const list = ['get', 'pods', '-n', namespaces.ledger, ...selector]
    const { items } = await kubectlJson<{ items: V1Pod[] }>(list)
    return items.filter(({ metadata }) => metadata?.deletionTimestamp === undefined)
  }
  t.teardown(async () => {
    await helm(['uninstall', name, ...space, '--wait', '--ignore-not-found'])
  })
  t.teardown(async () => {
    if (!t.passing()) t.comment(await logsOf(namespaces.ledger))
  })
  await deploy('install')
  return {
    upstream,
    namespaces,
    ...verbs(upstream),
    pods,
    leader: () => eventually('one pod to lead', async () => onlyLeader(await pods())),
    upgrade: async further => {
      values = merged(values, further)
      await deploy('upgrade')
    },
  }
}

/** What the spawner's pods have logged, those containers included that have died. */
export async function logsOf(namespace: string): Promise<string> {
  const { items } = await kubectlJson<{ items: V1Pod[] }>(['get', 'pods', '-n', namespace])
  const logs = items.map(async ({ metadata }) => {
    const args = ['logs', '-n', namespace, metadata?.name ?? '', '--tail=2000']
    const before = await kubectl([...args, '--previous']).catch(() => '')
    return `${before}${await kubectl(args).catch(String)}`
  })
  return (await Promise.all(logs)).join('\n')
}

async function onlyLeader(pods: readonly V1Pod[]): Promise<V1Pod | undefined> {
  const leading = await Promise.all(pods.map(leads))
  const [leader, ...others] = pods.filter((_, i) => leading[i])
  return others.length === 0 ? leader : undefined
}

function usualValues(upstream: Emulator, { jobs }: Namespaces): Values {
  return {
    agentToken: clusterToken,
    createNamespace: false,
    image: { ...spawnerImage, pullPolicy: 'Never' },
    config: {
      namespace: jobs,
      endpoint: upstream.endpoint.replace('127.0.0.1', hostAddress),
      'agent-image': agentImage,
      'image-pull-policy': 'IfNotPresent',
      'max-in-flight': 4,
      'log-level': 'debug',
    },
  }
}

function merged(values: Values, further: Values): Values {
  return { ...values, ...further, config: { ...values.config, ...further.config } }
}
