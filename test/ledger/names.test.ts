import t from 'tap'
import {
  ledgerLabels,
  ledgerSelector,
  slotOfSecretName,
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

t.test('the name of a Secret is legal for any instance, and leads back to its slot', async t => {
  for (const instance of instances) {
    const name = slotSecretName(instance, 999_999_999)
    t.match(name, /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, JSON.stringify(instance))
    t.equal(slotOfSecretName(instance, name), 999_999_999)
    t.match(ledgerLabels(instance)['job-spawner/instance'], /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/)
  }
  t.equal(slotSecretName('host-1', 3), 'host-1-slot-3')
})

t.test('no two instances share a name', async t => {
  t.equal(new Set(instances.map(instance => slotSecretName(instance, 0))).size, instances.length)
})

t.test('a name of another making has no slot', async t => {
  for (const name of ['other-slot-1', 'host-slot-', 'host-slot-x', 'host-slot-1-2', 'host']) {
    t.equal(slotOfSecretName('host', name), undefined, name)
  }
  t.equal(
    ledgerSelector('host'),
    'app.kubernetes.io/managed-by=job-spawner,job-spawner/instance=host',
  )
})
