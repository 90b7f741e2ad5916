import t from 'tap'
import { classFaults } from '../../lib/config/class-rules.js'
import { isReserved, metadataFaults } from '../../lib/config/metadata-rules.js'
import { isOurContainer, patchFaults } from '../../lib/config/patch-rules.js'
import { ruleFaults } from '../../lib/config/rules.js'
import { options } from '../../lib/config/schema.js'
import { mountFaults } from '../../lib/config/mount-rules.js'
import { hookFaults, volumeFaults } from '../../lib/config/volume-rules.js'
import { examples } from './examples.js'

t.test('settings that are well have no faults', async t => {
  t.same(ruleFaults({}), [])
  t.same(ruleFaults(examples), [])
})

t.test('the rules take any value: the schemas say that it does not fit', async t => {
  const values = [null, 0, 'x', true, [], {}, [null], { containers: 5 }, { containers: [null] }]
  for (const value of values) {
    const all = Object.fromEntries(Object.keys(options).map(name => [name, value]))
    t.doesNotThrow(() => ruleFaults(all), JSON.stringify(value))
  }
  for (const value of values) {
    t.doesNotThrow(() => hookFaults({ 'additional-hooks': [value] }))
    t.doesNotThrow(() => metadataFaults({ labels: value, annotations: value }))
    t.doesNotThrow(() => classFaults({ a: value, b: { resource: value } }, undefined))
  }
})

t.test('only what our own containers run is ours', async t => {
  for (const name of ['agent', 'checkout', 'copy-agent', 'imagecheck-0']) t.ok(isOurContainer(name))
  for (const name of ['container-0', 'agents', 'my-checkout', '']) t.notOk(isOurContainer(name))
  const patch = { containers: [{ name: 'container-0', command: ['x'], args: [] }] }
  t.same(patchFaults(patch, { allowCommands: false }), [])
})

t.test('a repository is in lower case, its registry and tag need not be', async t => {
  const of = (image: string) =>
    patchFaults({ initContainers: [{ name: 'x', image }] }, { allowCommands: false }).map(
      ({ hint }) => hint,
    )
  for (const image of [
    'alpine',
    'alpine:LATEST',
    'Registry.example/a/b:T',
    'Host:5000/a',
    'localhost/a',
    `a/b@sha256:${'0a'.repeat(32)}`,
  ]) {
    t.same(of(image), [], image)
  }
  t.same(of('Alpine'), ['did you mean alpine?'])
  t.same(of('registry.example/A/b:T'), ['did you mean registry.example/a/b:T?'])
  t.same(of('Team/app:T'), ['did you mean team/app:T?'])
})

t.test('volumes have names of their own, and legal ones', async t => {
  const of = (settings: object) =>
    volumeFaults(settings).map(({ path, found }) => `${path.join('.')}: ${found}`)
  t.same(of({ 'workspace-volume': { name: 'Scratch' } }), ['workspace-volume.name: "Scratch"'])
  t.same(of({ 'agent-config': { hooksVolume: { name: 'workspace' } } }), [
    'agent-config.hooksVolume.name: "workspace", which is the name of the volume of workspace-volume',
  ])
  const renamed = {
    'workspace-volume': { name: 'scratch' },
    'agent-config': { hooksVolume: { name: 'workspace' } },
  }
  t.same(of(renamed), [], 'the name is free when the workspace has another')
  const mirrors = { gitMirrors: { volume: { name: 'scratch' } } }
  t.equal(of({ ...renamed, 'default-checkout-params': mirrors }).length, 1)
})

t.test('labels and annotations that are ours or Kubernetes own are nobody elses', async t => {
  for (const key of [
    'buildkite.com/job-uuid',
    'tag.buildkite.com/queue',
    'job-spawner/instance',
    'app.kubernetes.io/managed-by',
    'batch.kubernetes.io/job-name',
    'job-name',
  ]) {
    t.ok(isReserved(key), key)
    t.equal(metadataFaults({ labels: { [key]: 'x' } }).length, 1, key)
    t.equal(metadataFaults({ annotations: { [key]: 'x' } }).length, 1, key)
  }
  for (const key of [
    'app.kubernetes.io/name',
    'mybuildkite.com/x',
    'buildkite',
    'x.job-spawner/a',
  ]) {
    t.notOk(isReserved(key), key)
  }
})

t.test('labels and annotations have the limits of Kubernetes', async t => {
  const good = ['a', 'A_b-c.d', `${'a'.repeat(253)}/x`, 'x'.repeat(63), 'sub.domain.example/x']
  const bad = ['', 'a/', '/a', 'a/b/c', `${'a'.repeat(254)}/x`, 'x'.repeat(64), 'a b', 'a-', 'ü/x']
  for (const key of good) t.same(metadataFaults({ labels: { [key]: '' } }), [], key)
  for (const key of bad) t.equal(metadataFaults({ labels: { [key]: '' } }).length, 1, key)
  for (const key of bad) t.equal(metadataFaults({ annotations: { [key]: '' } }).length, 1, key)
  t.same(metadataFaults({ annotations: { 'Upper.Example/X': 'any text' } }), [])
  t.equal(metadataFaults({ labels: { 'Upper.Example/X': '' } }).length, 1)
  t.equal(metadataFaults({ labels: { a: 'x'.repeat(64) } }).length, 1)
  t.same(metadataFaults({ annotations: { a: 'x'.repeat(262_143) } }), [])
  t.equal(metadataFaults({ annotations: { a: 'x'.repeat(262_144) } }).length, 1)
})

t.test('amounts of a class are quantities, and none of something is one', async t => {
  const of = (amount: unknown) => classFaults({ a: { resource: { limits: { cpu: amount } } } }, 'a')
  for (const amount of ['1', 1, 0.5, '250m', '1e3', '2Gi', 0, '0']) {
    t.same(of(amount), [], String(amount))
  }
  for (const amount of ['1GB', 'x', '', -1, '1 Gi']) t.equal(of(amount).length, 1, String(amount))
})

t.test("a key's volume cannot be mounted at the root", async t => {
  const volume = { name: 'k' }
  const of = (file?: string) =>
    mountFaults({ 'verification-jwks-file': file, verificationJWKSVolume: volume }).map(
      ({ path }) => path.join('.'),
    )
  t.same(of('/key'), ['agent-config.verification-jwks-file'])
  for (const file of ['key', '/keys/key', undefined]) t.same(of(file), [], file ?? 'none')
  t.same(mountFaults({ 'signing-jwks-file': '/key' }), [], 'a file of the image may be anywhere')
})

t.test('two volumes cannot be mounted at one folder', async t => {
  const table: [object, string[]][] = [
    [
      {
        'signing-jwks-file': '/keys/a',
        signingJWKSVolume: { name: 'a' },
        'verification-jwks-file': '/keys/b',
        verificationJWKSVolume: { name: 'b' },
      },
      ['agent-config.verification-jwks-file'],
    ],
    [
      {
        hooksVolume: { name: 'a' },
        'additional-hooks': [{ path: '/workspace/hooks/', volume: { name: 'b' } }],
      },
      ['agent-config.additional-hooks.0.path'],
    ],
    [{ hooksVolume: { name: 'a' }, pluginsVolume: { name: 'b' } }, []],
  ]
  for (const [config, wanted] of table)
    t.same(
      mountFaults(config).map(({ path }) => path.join('.')),
      wanted,
    )
})

t.test("the gateway's Service and its address come together", async t => {
  const service = { 'gateway-service': 'job-spawner' }
  const address = { 'gateway-address': '10.0.0.7' }
  t.same(ruleFaults({ ...service, ...address }), [])
  t.match(ruleFaults(service), [{ path: ['gateway-address'] }])
  t.match(ruleFaults(address), [{ path: ['gateway-service'] }])
})

t.test("the volume and the folder of the pods' token are ours", async t => {
  t.match(volumeFaults({ 'workspace-volume': { name: 'job-spawner-token', emptyDir: {} } }), [
    { path: ['workspace-volume', 'name'], wanted: 'a name that is none of ours' },
  ])
  for (const folder of ['/var/run/job-spawner', '/run/job-spawner/hooks']) {
    const config = { 'hooks-path': folder, hooksVolume: { name: 'h', emptyDir: {} } }
    t.match(mountFaults(config), [{ path: ['agent-config', 'hooks-path'] }], folder)
  }
  t.same(mountFaults({ 'hooks-path': '/run/hooks', hooksVolume: { name: 'h' } }), [])
})
