import t from 'tap'
import { readFile } from 'node:fs/promises'
import {
  VersionApi,
  Watch,
  type KubeConfig,
  type V1Pod,
  type V1Secret,
} from '@kubernetes/client-node'
import { parse } from 'yaml'
import { jobManifest } from '../pod-agent/manifests.js'
import { clusterFor, until } from './client.js'

const namespace = 'default'

function secret(name: string, labels = {}): V1Secret {
  return { metadata: { name, labels }, data: { key: Buffer.from('value').toString('base64') } }
}

interface Seen {
  type: string
  object: { code?: number; metadata: { name?: string; resourceVersion: string } }
}

async function watching(config: KubeConfig, path: string, query: Record<string, string | boolean>) {
  const seen: Seen[] = []
  const state = { ended: false }
  const controller = await new Watch(config).watch(
    path,
    query,
    (type: string, object: Seen['object']) => void seen.push({ type, object }),
    () => {
      state.ended = true
    },
  )
  const names = () => seen.map(({ type, object }) => `${type} ${object.metadata.name}`)
  return { seen, names, state, stop: () => controller.abort() }
}

const secretsPath = `/api/v1/namespaces/${namespace}/secrets`

t.test('secrets are created, read, replaced and deleted by the real client', async t => {
  const { cluster, core } = await clusterFor(t)
  const made = await core.createNamespacedSecret({ namespace, body: secret('one') })
  t.ok(made.metadata?.uid)
  t.type(made.metadata?.creationTimestamp, Date)
  const body = { ...made, data: { key: 'bmV3' } }
  const changed = await core.replaceNamespacedSecret({ namespace, name: 'one', body })
  t.not(changed.metadata?.resourceVersion, made.metadata?.resourceVersion)
  t.equal((await core.readNamespacedSecret({ namespace, name: 'one' })).data?.['key'], 'bmV3')
  const done = await core.deleteNamespacedSecret({ namespace, name: 'one' })
  t.match(done, { kind: 'Status', status: 'Success', details: { name: 'one', kind: 'secrets' } })
  t.same(
    cluster.writes.map(({ verb, kind, name }) => [verb, kind, name]),
    [
      ['create', 'Secret', 'one'],
      ['update', 'Secret', 'one'],
      ['delete', 'Secret', 'one'],
    ],
  )
})

t.test('a replace with an old resourceVersion is a conflict, and changes nothing', async t => {
  const { core } = await clusterFor(t)
  const old = await core.createNamespacedSecret({ namespace, body: secret('one') })
  await core.replaceNamespacedSecret({
    namespace,
    name: 'one',
    body: { ...old, data: { key: 'Yg==' } },
  })
  const late = core.replaceNamespacedSecret({
    namespace,
    name: 'one',
    body: { ...old, data: { key: 'Yw==' } },
  })
  const error = await late.then(
    () => ({ body: '' }),
    (thrown: { code: number; body: string }) => thrown,
  )
  t.match(error, { code: 409 })
  t.match(JSON.parse(error.body), {
    kind: 'Status',
    status: 'Failure',
    reason: 'Conflict',
    code: 409,
  })
  t.equal((await core.readNamespacedSecret({ namespace, name: 'one' })).data?.['key'], 'Yg==')
})

t.test(
  'what is there already, is not there, or has no namespace, is refused as Kubernetes does',
  async t => {
    const { core } = await clusterFor(t)
    await core.createNamespacedSecret({ namespace, body: secret('one') })
    const reason = async (call: Promise<unknown>) => {
      const error = await call.then(
        () => undefined,
        (thrown: { body: string }) => thrown,
      )
      return (JSON.parse(error?.body ?? '{}') as { reason?: string }).reason
    }
    t.equal(
      await reason(core.createNamespacedSecret({ namespace, body: secret('one') })),
      'AlreadyExists',
    )
    t.equal(await reason(core.readNamespacedSecret({ namespace, name: 'two' })), 'NotFound')
    const nowhere = { namespace: 'nowhere', body: secret('one') }
    t.equal(await reason(core.createNamespacedSecret(nowhere)), 'NotFound')
    await core.createNamespace({ body: { metadata: { name: 'nowhere' } } })
    t.ok(await core.createNamespacedSecret(nowhere))
  },
)

t.test('a broken Job is Invalid, with the field of each cause', async t => {
  const { batch, cluster } = await clusterFor(t)
  const body = jobManifest({ name: 'Bad_Name' })
  const spec = body.spec?.template.spec
  if (spec) spec.restartPolicy = 'Always'
  if (spec) spec.volumes = []
  if (spec?.containers[1]) spec.containers[1].name = 'agent'
  const call = batch.createNamespacedJob({ namespace, body })
  const error = await call.then(
    () => ({ body: '{}' }),
    (thrown: { body: string }) => thrown,
  )
  const status = JSON.parse(error.body) as {
    reason: string
    details: { causes: { field: string }[] }
  }
  t.equal(status.reason, 'Invalid')
  const fields = status.details.causes.map(({ field }) => field)
  for (const field of [
    'metadata.name',
    'spec.template.spec.restartPolicy',
    'spec.template.spec.containers[1].name',
    'spec.template.spec.containers[0].volumeMounts[0].name',
  ]) {
    t.ok(fields.includes(field), field)
  }
  t.same(cluster.objects('Job'), [])
})

t.test('a delete whose precondition no longer holds deletes nothing', async t => {
  const { core, cluster } = await clusterFor(t)
  const { metadata } = await core.createNamespacedSecret({ namespace, body: secret('one') })
  const { uid = '', resourceVersion = '' } = metadata ?? {}
  const remove = (preconditions: { uid?: string; resourceVersion?: string }) =>
    core.deleteNamespacedSecret({ namespace, name: 'one', body: { preconditions } })
  await t.rejects(remove({ uid: 'another' }), { code: 409 })
  await t.rejects(remove({ uid, resourceVersion: '1' }), { code: 409 })
  t.equal(cluster.objects('secrets').length, 1)
  await remove({ uid, resourceVersion })
  t.same(cluster.objects('secrets'), [])
})

t.test('a request without the token of the kubeconfig is unauthorized', async t => {
  const { cluster, config } = await clusterFor(t)
  const response = await fetch(`${cluster.url}${secretsPath}`)
  t.equal(response.status, 401)
  t.match(await response.json(), { kind: 'Status', reason: 'Unauthorized' })
  t.match(await readFile(cluster.kubeconfig, 'utf8'), cluster.url)
  t.match(await config.makeApiClient(VersionApi).getCode(), { major: '1' })
})

t.test('a list comes in pages of one revision, and only what is asked for', async t => {
  const { core } = await clusterFor(t)
  for (const name of ['a', 'b', 'c', 'd']) {
    const labels = { kind: name < 'c' ? 'early' : 'late', name }
    await core.createNamespacedSecret({ namespace, body: secret(name, labels) })
  }
  const first = await core.listNamespacedSecret({ namespace, limit: 3 })
  t.same(
    first.items.map(item => item.metadata?.name),
    ['a', 'b', 'c'],
  )
  await core.deleteNamespacedSecret({ namespace, name: 'd' })
  const second = await core.listNamespacedSecret({
    namespace,
    limit: 3,
    _continue: first.metadata?._continue,
  })
  t.same(
    second.items.map(item => item.metadata?.name),
    ['d'],
  )
  t.equal(second.metadata?.resourceVersion, first.metadata?.resourceVersion)
  t.notOk(second.metadata?._continue)
  const names = async (labelSelector: string) => {
    const { items } = await core.listNamespacedSecret({ namespace, labelSelector })
    return items.map(item => item.metadata?.name).join('')
  }
  t.equal(await names('kind=early'), 'ab')
  t.equal(await names('kind!=early'), 'c')
  t.equal(await names('name in (a, c),kind'), 'ac')
  t.equal(await names('!kind'), '')
  await t.rejects(names('a b c'), { code: 400 })
})

t.test(
  'a watch begins after its resourceVersion and tells what comes into view and leaves it',
  async t => {
    const { core, config } = await clusterFor(t)
    await core.createNamespacedSecret({ namespace, body: secret('before', { on: 'yes' }) })
    const { metadata } = await core.listNamespacedSecret({ namespace })
    const resourceVersion = metadata?.resourceVersion ?? ''
    const query = { resourceVersion, labelSelector: 'on=yes' }
    const one = await core.createNamespacedSecret({ namespace, body: secret('one', { on: 'yes' }) })
    const watch = await watching(config, secretsPath, query)
    t.teardown(watch.stop)
    const gone = { ...one, metadata: { ...one.metadata, labels: { on: 'no' } } }
    await core.replaceNamespacedSecret({ namespace, name: 'one', body: gone })
    await core.deleteNamespacedSecret({ namespace, name: 'before' })
    await until(() => watch.seen.length === 3)
    t.same(watch.names(), ['ADDED one', 'DELETED one', 'DELETED before'])
  },
)

t.test(
  'a watch without a resourceVersion begins with what is there, and ends with a bookmark',
  async t => {
    const { core, config } = await clusterFor(t)
    await core.createNamespacedSecret({ namespace, body: secret('one') })
    const query = { timeoutSeconds: '1', allowWatchBookmarks: true }
    const watch = await watching(config, secretsPath, query)
    await until(() => watch.state.ended)
    t.same(watch.names(), ['ADDED one', 'BOOKMARK undefined'])
  },
)

t.test(
  'watches are dropped, told that they are too old, and held back, as a test wants it',
  async t => {
    const { cluster, core, config } = await clusterFor(t)
    const one = await core.createNamespacedSecret({ namespace, body: secret('one') })
    const resourceVersion = one.metadata?.resourceVersion ?? ''
    const closed = await watching(config, secretsPath, { resourceVersion })
    cluster.dropWatches()
    await until(() => closed.state.ended)
    t.same(closed.seen, [])
    const gone = await watching(config, secretsPath, { resourceVersion })
    await core.createNamespacedSecret({ namespace, body: secret('two') })
    cluster.dropWatches('gone')
    await until(() => gone.state.ended)
    t.match(gone.seen.at(-1), {
      type: 'ERROR',
      object: { kind: 'Status', code: 410, reason: 'Expired' },
    })
    const old = await watching(config, secretsPath, { resourceVersion })
    await until(() => old.state.ended)
    t.match(old.seen, [{ type: 'ERROR', object: { code: 410 } }])

    const held = await watching(config, secretsPath, {})
    t.teardown(held.stop)
    await until(() => held.seen.length === 2)
    const release = cluster.holdWatches()
    await core.createNamespacedSecret({ namespace, body: secret('three') })
    await core.listNamespacedSecret({ namespace })
    t.equal(held.seen.length, 2)
    release()
    await until(() => held.seen.length === 3)
    t.equal(held.names().at(-1), 'ADDED three')
  },
)

t.test(
  'a fault is answered instead, as often as it is asked for; after it, the work may be done',
  async t => {
    const { cluster, core } = await clusterFor(t)
    const match = { method: 'POST', path: /\/secrets$/ }
    cluster.fault({ match, status: 429, retryAfterSeconds: 2, times: 1 })
    const refused = core.createNamespacedSecret({ namespace, body: secret('one') })
    await t.rejects(refused, { code: 429, headers: { 'retry-after': '2' } })
    const takeBack = cluster.fault({ match, reset: true, when: 'after' })
    await t.rejects(
      core.createNamespacedSecret({ namespace, body: secret('one') }),
      /ECONNRESET|hang up/,
    )
    t.equal(cluster.objects('Secret').length, 1)
    takeBack()
    t.ok(await core.createNamespacedSecret({ namespace, body: secret('two') }))
  },
)

t.test('there is one node, on this machine', async t => {
  const { core } = await clusterFor(t)
  const { items } = await core.listNode()
  t.match(items, [{ status: { addresses: [{ type: 'InternalIP', address: '127.0.0.1' }] } }])
})

t.test('a Job deleted with the policy Orphan leaves its pod', async t => {
  const { cluster, batch } = await clusterFor(t)
  await batch.createNamespacedJob({ namespace, body: jobManifest({ image: 'missing/x' }) })
  const name = 'run-1'
  await batch.deleteNamespacedJob({ namespace, name, propagationPolicy: 'Orphan' })
  const pods = cluster.objects('pods') as V1Pod[]
  t.equal(pods.length, 1)
  t.notOk(pods[0]?.metadata?.ownerReferences)
})

t.test('PodTemplates and claims are kept as other objects are', async t => {
  const { core } = await clusterFor(t)
  const { spec } = jobManifest({}).spec?.template ?? {}
  const body = { metadata: { name: 'go' }, template: { spec } }
  await core.createNamespacedPodTemplate({ namespace, body })
  const { items } = await core.listNamespacedPodTemplate({ namespace })
  t.match(items, [{ metadata: { name: 'go' }, template: { spec: { restartPolicy: 'Never' } } }])
  t.ok(await core.readNamespacedPodTemplate({ namespace, name: 'go' }))
  await core.deleteNamespacedPodTemplate({ namespace, name: 'go' })
  await t.rejects(core.readNamespacedPodTemplate({ namespace, name: 'go' }), { code: 404 })
  const bad = { metadata: { name: 'bad' }, template: { spec: { containers: [] } } }
  await t.rejects(core.createNamespacedPodTemplate({ namespace, body: bad }), { code: 422 })
  const claim = { metadata: { name: 'c' }, spec: { accessModes: ['ReadWriteOnce'] } }
  await core.createNamespacedPersistentVolumeClaim({ namespace, body: claim })
  const found = await core.readNamespacedPersistentVolumeClaim({ namespace, name: 'c' })
  t.match(found, { spec: claim.spec, status: { phase: 'Pending' } })
})

t.test('a dry run is checked as any other creation, and makes nothing', async t => {
  const { cluster, batch, core } = await clusterFor(t)
  const dryRun = 'All'
  const made = await batch.createNamespacedJob({ namespace, body: jobManifest({}), dryRun })
  t.match(made, { metadata: { name: 'run-1', uid: String }, spec: { backoffLimit: Number } })
  const unnamed = { ...jobManifest({}), metadata: {} }
  await t.rejects(batch.createNamespacedJob({ namespace, body: unnamed, dryRun }), { code: 422 })
  await t.rejects(batch.createNamespacedJob({ namespace, body: unnamed, dryRun: 'Some' }), {
    code: 400,
  })
  t.same(cluster.objects('jobs'), [])
  t.same(cluster.objects('pods'), [])
  t.same(cluster.writes, [])
  await core.createNamespacedSecret({ namespace, body: secret('one') })
  const removing = core.deleteNamespacedSecret({ namespace, name: 'one', dryRun })
  await t.rejects(removing, { code: 400 }, 'rather than to delete it')
  t.equal(cluster.objects('secrets').length, 1)
})

t.test('a field that is unknown is refused when that is asked for, in the real words', async t => {
  const { cluster } = await clusterFor(t)
  const config = parse(await readFile(cluster.kubeconfig, 'utf8')) as {
    users: [{ user: { token: string } }]
  }
  const body = jobManifest({})
  const spec = body.spec?.template.spec as { hostNam?: string; containers: object[] }
  spec.hostNam = 'x'
  spec.containers.push({ name: 'extra', image: 'a', imagePulPolicy: 'Never' })
  const post = (query: string) =>
    fetch(`${cluster.url}/apis/batch/v1/namespaces/${namespace}/jobs?${query}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${config.users[0].user.token}` },
      body: JSON.stringify(body),
    })
  const strict = await post('fieldValidation=Strict&dryRun=All')
  t.match(await strict.json(), {
    code: 400,
    reason: 'BadRequest',
    message:
      /^Job in version "v1" cannot be handled as a Job: strict decoding error: unknown field "spec\.template\.spec\./,
  })
  const index = spec.containers.length - 1
  const { message } = (await (await post('fieldValidation=Strict')).json()) as { message: string }
  t.ok(message.includes(`unknown field "spec.template.spec.containers[${index}].imagePulPolicy"`))
  t.ok(message.includes('unknown field "spec.template.spec.hostNam"'))
  t.equal((await post('dryRun=All')).status, 201, 'and let pass when it is not')
})
