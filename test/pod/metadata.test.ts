import t from 'tap'
import { instanceSelector, jobName, labelValue } from '../../lib/pod/metadata.js'

const uuid = '01890000-0000-4000-8000-000000000001'

t.test("a job's UUID stands in its Job's name as it is", async t => {
  t.equal(jobName(uuid), `buildkite-${uuid}`)
})

t.test('any id makes a DNS label, and no two ids the same', async t => {
  const ids = [
    uuid,
    uuid.toUpperCase().replace('8000', '80AB'),
    uuid.replace('8000', '80ab'),
    '',
    '-',
    'a',
    'a-',
    'a.b',
    'a/b',
    'a_b',
    'größe',
    '../../secrets',
    'x'.repeat(53),
    'x'.repeat(54),
    'x'.repeat(300),
    `${'x'.repeat(300)}y`,
  ]
  for (const id of ids) t.match(jobName(id), /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, id)
  t.equal(new Set(ids.map(id => jobName(id))).size, ids.length)
})

t.test('any text makes a label value, and a legal one stays as it is', async t => {
  for (const legal of ['', 'a', 'Team.A_1', 'x'.repeat(63)]) t.equal(labelValue(legal), legal)
  const others = ['a b', '-a', 'a-', '.', 'é', 'x'.repeat(64), `${'x'.repeat(64)}y`]
  for (const other of others) {
    t.match(labelValue(other), /^[A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?$/, other)
  }
  t.equal(new Set(others.map(labelValue)).size, others.length)
})

t.test('the selector finds the label that a Job has, whatever the instance is called', async t => {
  t.equal(instanceSelector('prod'), 'job-spawner/instance=prod')
  t.equal(instanceSelector('a,b=c'), `job-spawner/instance=${labelValue('a,b=c')}`)
  t.notMatch(instanceSelector('a,b=c'), ',')
})
