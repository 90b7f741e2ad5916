import { execFileSync, spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { V1PodSpec } from '@kubernetes/client-node'
import t from 'tap'
import { parse, parseAllDocuments, stringify } from 'yaml'
import { loadConfig, loadPodConfig } from '../../lib/config/load.js'
import { structures } from '../../lib/config/schema.js'
import { examples } from '../config/examples.js'

interface Manifest {
  kind: string
  metadata: { name: string; namespace?: string }
  data?: Record<string, string>
  rules?: { resources: string[]; verbs: string[]; resourceNames?: string[] }[]
  spec?: Record<string, unknown>
}

interface DeploymentSpec {
  replicas: number
  template: { spec: V1PodSpec }
}

const chart = fileURLToPath(new URL('../../helm/job-spawner', import.meta.url))
const found = spawnSync('helm', ['version', '--short'])
const skip = found.status === 0 ? false : 'helm is not installed'

const settings = {
  agentToken: 'x',
  config: {
    namespace: 'jobs',
    'image-check': true,
    'default-resource-class-name': 'small',
    ...examples,
  },
}

/** What `helm ARGS` says of the chart with these values. */
function helm(t: { testdir(): string }, values: object, ...args: string[]): string {
  const file = join(t.testdir(), 'values.yaml')
  writeFileSync(file, stringify(values))
  const argv = [...args, chart, '--values', file, '--namespace', 'spawner']
  return execFileSync('helm', argv, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
}

// What this helm takes for the cluster's version without asking one may be too old for the chart.
const template = ['template', 'ci', '--kube-version', '1.34.0']

function refusalOf(act: () => unknown): string {
  try {
    act()
    return 'it was taken'
  } catch (error) {
    return String(error)
  }
}

function manifests(text: string): Manifest[] {
  return parseAllDocuments(text).flatMap(document => {
    const manifest = document.toJS() as Manifest | null
    return manifest ? [manifest] : []
  })
}

t.test('helm finds no fault with any structured setting', { skip }, async t => {
  t.match(helm(t, settings, 'lint', '--strict'), /0 chart\(s\) failed/)
})

t.test('the program reads in the ConfigMap what the values say', { skip }, async t => {
  const all = manifests(helm(t, settings, ...template))
  const text = all.find(({ kind }) => kind === 'ConfigMap')?.data?.['config.yaml'] ?? ''
  t.match(parse(text), settings.config)
  const file = join(t.testdir(), 'config.yaml')
  writeFileSync(file, text)
  const config: Record<string, unknown> = { ...loadPodConfig(['--config', file], {}) }
  for (const [name] of structures()) {
    const key = name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase())
    t.same(config[key], examples[name], name)
  }
})

t.test(
  'helm refuses an unknown key of a setting before anything is installed',
  { skip },
  async t => {
    const values = {
      agentToken: 'x',
      config: { namespace: 'a', 'agent-config': { endpoint: 'x' } },
    }
    const refusal = refusalOf(() => helm(t, values, ...template))
    t.match(refusal, /values don't meet the specifications[^]*endpoint/)
  },
)

t.test('values that can not work are refused with what to do', { skip }, async t => {
  const table: [object, object, RegExp][] = [
    [{ 'metrics-listen': '[::]:8480' }, {}, /same port, 8480: choose another one/],
    [{ 'gateway-listen': '0.0.0.0:0' }, {}, /gateway-listen has the port 0: choose one from 1/],
    [{ 'metrics-listen': '0.0.0.0:65536' }, {}, /metrics-listen has the port 65536: choose/],
    [{ 'shutdown-grace': '5m' }, {}, /is 300s, but .* is 75: set it to 340 or more/],
    [{ 'lease-duration': '5m' }, {}, /lease-duration/],
    [{}, { agentToken: '' }, /there is no agent token: set agentToken, or agentTokenSecret/],
    [{}, { agentTokenSecret: 'x' }, /are both set: remove one of them/],
    [{ namespace: 'spawner' }, {}, /Install into another namespace/],
  ]
  for (const [config, others, words] of table) {
    const values = { ...settings, ...others, config: { ...settings.config, ...config } }
    const refusal = refusalOf(() => helm(t, values, ...template))
    t.match(refusal, words, JSON.stringify({ ...config, ...others }))
  }
  const config = { ...settings.config, 'shutdown-grace': '1m', 'gateway-listen': ':1' }
  t.doesNotThrow(() => rendered(t, { config }), 'a grace that the pod has')
})

/** What a role grants, as `resource: verbs`, with the names it is narrowed to. */
function rights(role: Manifest | undefined): string[] {
  return (role?.rules ?? []).flatMap(({ resources, verbs, resourceNames }) =>
    resources.map(resource => {
      const names = resourceNames ? ` of ${resourceNames.join()}` : ''
      return `${resource}: ${verbs.toSorted().join()}${names}`
    }),
  )
}

function named(all: readonly Manifest[], kind: string, end = ''): Manifest | undefined {
  return all.find(one => one.kind === kind && one.metadata.name.endsWith(end))
}

function rendered(t: { testdir(): string }, values: object = {}): Manifest[] {
  return manifests(helm(t, { ...settings, ...values }, ...template))
}

function deployment(all: readonly Manifest[]): DeploymentSpec {
  return named(all, 'Deployment')?.spec as unknown as DeploymentSpec
}

function environment(all: readonly Manifest[]): Record<string, string | undefined> {
  const { env = [] } = deployment(all).template.spec.containers[0] ?? {}
  const fields = env.map(({ name, value, valueFrom }) => [
    name,
    value ?? valueFrom?.fieldRef?.fieldPath,
  ])
  return Object.fromEntries(fields) as Record<string, string | undefined>
}

t.test('in the namespace of the Jobs it may do what it does, and no more', { skip }, async t => {
  const role = named(rendered(t), 'Role', '-jobs')
  t.equal(role?.metadata.namespace, 'jobs')
  t.same(rights(role), [
    'jobs: create,delete,get,list,patch,watch',
    'pods: delete,get,list,watch',
    'pods/log: get',
    'events: create,list,watch',
    'podtemplates: get',
    'persistentvolumeclaims: get',
  ])
})

t.test(
  'so it is in the namespace of the ledger, where the Service stands too',
  { skip },
  async t => {
    const config = { ...settings.config, 'ledger-namespace': 'ledger' }
    const all = rendered(t, { config })
    const [role, service] = [named(all, 'Role', '-ledger'), named(all, 'Service')]
    t.same([role?.metadata.namespace, service?.metadata.namespace], ['ledger', 'ledger'])
    t.same(rights(role), [
      'secrets: create,delete,get,list,update',
      'leases: create,get,update',
      'endpointslices: create',
      'endpointslices: get,update of ci-job-spawner-ipv4,ci-job-spawner-ipv6',
    ])
    t.equal(environment(all)['JOB_SPAWNER_GATEWAY_URL'], 'http://ci-job-spawner.ledger.svc:8480')
  },
)

t.test('in the whole cluster it may review tokens and get nodes only', { skip }, async t => {
  const all = rendered(t)
  const granted = (some: readonly Manifest[]) =>
    some.filter(({ kind }) => kind === 'ClusterRole').flatMap(rights)
  t.same(granted(all), ['tokenreviews: create', 'nodes: get'])
  for (const { metadata } of all.filter(({ kind }) => kind === 'ClusterRole')) {
    t.ok(named(all, 'ClusterRoleBinding', metadata.name), metadata.name)
  }
  t.same(granted(rendered(t, { rbac: { nodes: false } })), ['tokenreviews: create'])
  t.notOk(named(rendered(t, { rbac: { create: false } }), 'ClusterRole'))
})

t.test('the Service has no selector: who leads says where it leads', { skip }, async t => {
  const all = rendered(t)
  t.same(named(all, 'Service')?.spec, { ports: [{ name: 'gateway', port: 8480 }] })
  t.match(environment(all), {
    JOB_SPAWNER_GATEWAY_SERVICE: 'ci-job-spawner',
    JOB_SPAWNER_GATEWAY_ADDRESS: 'status.podIP',
    POD_NAME: 'metadata.name',
    POD_UID: 'metadata.uid',
  })
})

t.test('two replicas hand over at once, on different nodes, one at a time', { skip }, async t => {
  const all = rendered(t)
  t.equal(deployment(all).replicas, 2)
  t.equal(environment(all)['JOB_SPAWNER_SHUTDOWN_GRACE'], '0s')
  t.match(named(all, 'PodDisruptionBudget')?.spec, { maxUnavailable: 1 })
  t.match(deployment(all).template.spec.affinity, {
    podAntiAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 100 }] },
  })
  const config = { ...settings.config, 'shutdown-grace': '1m' }
  t.notOk('JOB_SPAWNER_SHUTDOWN_GRACE' in environment(rendered(t, { config })), 'unless told so')
})

t.test('one replica waits for its jobs, and no node waits for it', { skip }, async t => {
  const all = rendered(t, { replicas: 1 })
  t.notOk('JOB_SPAWNER_SHUTDOWN_GRACE' in environment(all))
  t.notOk(named(all, 'PodDisruptionBudget'))
  t.notOk(deployment(all).template.spec.affinity)
})

t.test(
  'a leader that stops has the time that its parts take, one after the other',
  { skip },
  async t => {
    const { terminationGracePeriodSeconds = 0 } = deployment(rendered(t, { replicas: 1 })).template
      .spec
    const { shutdownGrace } = loadConfig([], { BUILDKITE_AGENT_TOKEN: 'x' })
    // Until its calls are quiet, the hand-over, the Service that leads elsewhere and its nodes, the last calls.
    const [quiet, handOver, successor, rules, lastCalls] = [2, 5, 20, 3, 2]
    const needed = shutdownGrace / 1_000 + quiet + handOver + successor + rules + lastCalls
    t.ok(terminationGracePeriodSeconds > needed, `${terminationGracePeriodSeconds} > ${needed}`)
  },
)

t.test('where pods go is as the values say', { skip }, async t => {
  const podAntiAffinity = { requiredDuringSchedulingIgnoredDuringExecution: [] }
  const spread = { maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'ScheduleAnyway' }
  const { template } = deployment(
    rendered(t, {
      affinity: { nodeAffinity: {}, podAntiAffinity },
      topologySpreadConstraints: [spread, { ...spread, labelSelector: {} }],
      priorityClassName: 'high',
    }),
  )
  const matchLabels = {
    'app.kubernetes.io/instance': 'ci',
    'app.kubernetes.io/name': 'job-spawner',
  }
  t.same(template.spec.affinity, { nodeAffinity: {}, podAntiAffinity })
  t.same(template.spec.topologySpreadConstraints, [
    { ...spread, labelSelector: { matchLabels } },
    { ...spread, labelSelector: {} },
  ])
  t.equal(template.spec.priorityClassName, 'high')
})

t.test(
  'a NetworkPolicy, where it is wanted, lets pods of the Jobs in at the gateway alone',
  { skip },
  async t => {
    t.notOk(named(rendered(t), 'NetworkPolicy'))
    const policy = named(rendered(t, { networkPolicy: { enabled: true } }), 'NetworkPolicy')
    const matchLabels = { 'kubernetes.io/metadata.name': 'jobs' }
    const [gateway, metrics] = policy?.spec?.['ingress'] as object[]
    t.same(gateway, { from: [{ namespaceSelector: { matchLabels } }], ports: [{ port: 8480 }] })
    const matchExpressions = [
      { key: 'kubernetes.io/metadata.name', operator: 'NotIn', values: ['jobs'] },
    ]
    t.same(
      metrics,
      { from: [{ namespaceSelector: { matchExpressions } }], ports: [{ port: 9216 }] },
      'and to the metrics, all but these',
    )
  },
)

t.test(
  'metrics have a port with a name, and a PodMonitor where one is wanted',
  { skip },
  async t => {
    const config = { ...settings.config, 'metrics-listen': '[::]:9000' }
    const all = rendered(t, { config })
    const { ports = [] } = deployment(all).template.spec.containers[0] ?? {}
    t.same(ports, [
      { name: 'gateway', containerPort: 8480 },
      { name: 'metrics', containerPort: 9000 },
    ])
    t.notOk(named(all, 'PodMonitor'))
    const podMonitor = { deploy: true, labels: { release: 'prometheus' } }
    const monitor = named(rendered(t, { monitoring: { podMonitor } }), 'PodMonitor')
    t.match(monitor?.metadata, { name: 'ci-job-spawner', labels: { release: 'prometheus' } })
    t.same(monitor?.spec, {
      selector: {
        matchLabels: {
          'app.kubernetes.io/name': 'job-spawner',
          'app.kubernetes.io/instance': 'ci',
        },
      },
      podMetricsEndpoints: [{ port: 'metrics', path: '/metrics' }],
    })
    const often = { podMonitor: { ...podMonitor, scrapeInterval: '15s' } }
    t.match(named(rendered(t, { monitoring: often }), 'PodMonitor')?.spec, {
      podMetricsEndpoints: [{ interval: '15s' }],
    })
  },
)
