import { delimiter, join } from 'node:path'
import t from 'tap'
import { inCluster, loadKubeConfig, ownNamespace } from '../../lib/cluster/kubeconfig.js'
import type { Problem } from '../../lib/errors.js'

const none = { serviceAccount: '/nowhere' }

function config(name: string, more: Record<string, unknown> = {}): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': name,
    clusters: [{ name: `${name}-cluster`, cluster: { server: `https://${name}.test:6443/` } }],
    contexts: [{ name, context: { cluster: `${name}-cluster`, user: `${name}-user` } }],
    users: [{ name: `${name}-user`, user: { token: 's3cret' } }],
    ...more,
  })
}

function problem(run: () => unknown): Problem {
  try {
    run()
  } catch (error) {
    return error as Problem
  }
  throw new Error('nothing was thrown')
}

t.test('a file, its current context and another one by name', async t => {
  const folder = t.testdir({ a: config('a'), b: config('b') })
  const [a, b] = [join(folder, 'a'), join(folder, 'b')]
  const loaded = loadKubeConfig({ kubeconfig: a, env: {}, ...none })
  t.equal(loaded.getCurrentCluster()?.server, 'https://a.test:6443')
  const env = { KUBECONFIG: [a, join(folder, 'missing'), b].join(delimiter) }
  t.equal(loadKubeConfig({ env, ...none }).currentContext, 'a', 'the first file wins')
  const other = loadKubeConfig({ context: 'b', env, ...none })
  t.equal(other.getCurrentCluster()?.server, 'https://b.test:6443')
  t.equal(other.getCurrentUser()?.token, 's3cret')
})

t.test('the file of the home folder is the last resort', async t => {
  const home = t.testdir({ '.kube': { config: config('home') } })
  t.equal(loadKubeConfig({ env: { HOME: home }, ...none }).currentContext, 'home')
})

t.test('the service account is used when nothing is named and we are in a cluster', async t => {
  const home = t.testdir({
    '.kube': { config: config('home') },
    account: { token: 'tok', 'ca.crt': 'ca', namespace: 'own\n' },
  })
  const serviceAccount = join(home, 'account')
  const env = { KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '443', HOME: home }
  t.ok(inCluster(env, serviceAccount))
  t.notOk(inCluster({}, serviceAccount))
  t.notOk(inCluster(env, '/nowhere'))
  t.equal(ownNamespace(serviceAccount), 'own')
  t.equal(ownNamespace('/nowhere'), undefined)
  const loaded = loadKubeConfig({ env, serviceAccount })
  t.equal(loaded.getCurrentCluster()?.server, 'https://[fd00::1]:443')
  const headers = { headers: {} as Record<string, string>, ca: undefined as unknown }
  await loaded.applyToHTTPSOptions(headers)
  t.equal(headers.headers['Authorization'], 'Bearer tok')
  t.equal(String(headers.ca), 'ca')
  t.equal(loadKubeConfig({ context: 'home', env, serviceAccount }).currentContext, 'home')
})

t.test('each fault of a kubeconfig is one clear problem without its secrets', async t => {
  const folder = t.testdir({
    good: config('good'),
    yaml: 'users:\n- name: x\n  token: s3cret\n bad: [',
    empty: '',
    scalar: 's3cret',
    nocurrent: config('nc', { 'current-context': undefined }),
    noserver: config('ns', { clusters: [{ name: 'ns-cluster', cluster: {} }] }),
    nourl: config('nu', { clusters: [{ name: 'nu-cluster', cluster: { server: 'ftp://x' } }] }),
    nouser: config('no', { users: [] }),
    nocert: config('cert', {
      clusters: [
        {
          name: 'cert-cluster',
          cluster: { server: 'https://x', 'certificate-authority': 'ca.pem' },
        },
      ],
    }),
  })
  const table: [string, string | undefined, RegExp][] = [
    ['missing', undefined, /no such file/],
    ['.', undefined, /EISDIR/],
    ['yaml', undefined, /line \d+ is not YAML/],
    ['empty', undefined, /it is empty/],
    ['scalar', undefined, /none chosen/],
    ['good', 'other', /one of: good.*other/],
    ['nocurrent', undefined, /one of: nc/],
    ['noserver', undefined, /has no server/],
    ['nourl', undefined, /is no URL/],
    ['nouser', undefined, /unknown user/],
    ['nocert', undefined, /ca\.pem/],
  ]
  for (const [name, context, wanted] of table) {
    const kubeconfig = join(folder, name)
    const found = problem(() => loadKubeConfig({ kubeconfig, context, env: {}, ...none }))
    t.equal(found.code, 'KUBECONFIG', name)
    const words = `${found.message} ${found.where} ${found.wanted} ${found.found} ${found.hint}`
    t.match(words, wanted, name)
    t.match(words, /--kubeconfig.*--context|--context.*--kubeconfig/, name)
    t.notMatch(words, /s3cret/, name)
    if (name !== 'nocert') t.match(found.where, kubeconfig, name)
  }
})
