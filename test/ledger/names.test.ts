import t from 'tap'
import {
  annexName,
  headName,
  ledgerSecret,
  ledgerSelector,
  pageName,
  pageOfSlot,
  roleOfSecret,
  slotSecretName,
} from '../../lib/ledger/names.js'

const instances = [
  'host-1',
  'My Host',
  'my-host',
  'my.host',
  '-x-',
  '',
  'ü',
  'a'.repeat(200),
  'a'.repeat(48),
]

t.test('names of Secrets are legal for any instance, and lead back to what they name', async t => {
  const mark = '0123456789abcdef'
  for (const instance of instances) {
    const names = new Map([
      [headName(instance), { role: 'head' }],
      [pageName(instance, 124_999_999), { role: 'page', page: 124_999_999 }],
      [annexName(instance, { slot: 999_999_999, mark }), { role: 'annex', page: 124_999_999 }],
      [slotSecretName(instance, 999_999_999), { role: 'slot', slot: 999_999_999 }],
    ])
    t.equal(names.size, 4)
    for (const [name, role] of names) {
      t.match(name, /^[a-z0-9]([a-z0-9-]{0,251}[a-z0-9])?$/, JSON.stringify(instance))
      t.same(roleOfSecret(instance, name), role)
    }
  }
  t.equal(headName('host-1'), 'host-1-ledger')
  t.equal(pageName('host-1', 3), 'host-1-ledger-3')
  t.equal(annexName('host-1', { slot: 25, mark: 'ab' }), 'host-1-ledger-3-slot-25-ab')
  t.equal(slotSecretName('host-1', 3), 'host-1-slot-3')
})

t.test('no two instances share a name', async t => {
  t.equal(new Set(instances.map(instance => pageName(instance, 0))).size, instances.length)
})

t.test('a name of another making is nothing', async t => {
  const names = ['other-slot-1', 'host-slot-', 'host-slot-x', 'host-slot-1-2', 'host'].concat(
    ['host-ledger-', 'host-ledger-x', 'host-ledger-1-2', 'host-ledger-1-slot-8'],
    ['host-ledger-1-slot-8-', 'other-ledger', 'my-host-ledger-1'],
  )
  for (const name of names) t.equal(roleOfSecret('host', name), undefined, name)
})

t.test('slots 0 to 7 are on page 0', async t => {
  t.same([0, 7, 8, 15, 16].map(pageOfSlot), [0, 0, 1, 1, 2])
})

t.test("an instance's Secrets are found by their labels", async t => {
  t.equal(
    ledgerSelector('host'),
    'app.kubernetes.io/managed-by=job-spawner,job-spawner/instance=host',
  )
  t.match(ledgerSecret({ instance: 'host', name: 'x', data: {} }), {
    type: 'job-spawner/ledger',
    metadata: {
      name: 'x',
      labels: { 'app.kubernetes.io/managed-by': 'job-spawner', 'job-spawner/instance': 'host' },
    },
  })
})
