import { execFileSync, spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { parse, parseAllDocuments, stringify } from 'yaml'
import { loadPodConfig } from '../../lib/config/load.js'
import { structures } from '../../lib/config/schema.js'
import { examples } from '../config/examples.js'

interface Manifest {
  kind: string
  metadata: { name: string }
  data?: Record<string, string>
  rules?: { resources: string[]; verbs: string[] }[]
}

const chart = fileURLToPath(new URL('../../helm/job-spawner', import.meta.url))
const found = spawnSync('helm', ['version', '--short'])
const skip = found.status === 0 ? false : 'helm is not installed'

const settings = {
  agentToken: 'x',
  config: { 'image-check': true, 'default-resource-class-name': 'small', ...examples },
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

t.test('in the namespace of the Jobs it may do what it does, and no more', { skip }, async t => {
  const role = manifests(helm(t, settings, ...template)).find(
    ({ kind, metadata }) => kind === 'Role' && metadata.name.endsWith('-jobs'),
  )
  const verbs = (role?.rules ?? []).flatMap(rule =>
    rule.resources.map(resource => [resource, rule.verbs.toSorted().join()]),
  )
  t.same(Object.fromEntries(verbs), {
    jobs: 'create,delete,get,list,watch',
    pods: 'delete,get,list,watch',
    'pods/log': 'get',
    events: 'list',
    podtemplates: 'get',
    persistentvolumeclaims: 'get',
  })
})
