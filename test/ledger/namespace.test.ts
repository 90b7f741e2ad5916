import t from 'tap'
import { ledgerNamespace } from '../../lib/ledger/namespace.js'

t.test('the ledger is where the operator says, else at home, else in job-spawner', async t => {
  t.equal(ledgerNamespace({ explicit: 'x', jobsNamespace: 'jobs', own: 'own' }), 'x')
  t.equal(ledgerNamespace({ jobsNamespace: 'jobs', own: 'own' }), 'own')
  t.equal(ledgerNamespace({ jobsNamespace: 'jobs' }), 'job-spawner')
})

t.test("the ledger is in the jobs' namespace only when it is named", async t => {
  t.equal(ledgerNamespace({ explicit: 'jobs', jobsNamespace: 'jobs' }), 'jobs')
  const wanted = { code: 'LEDGER_NAMESPACE', hint: /--ledger-namespace/ }
  t.throws(() => ledgerNamespace({ jobsNamespace: 'own', own: 'own' }), wanted)
  t.throws(() => ledgerNamespace({ jobsNamespace: 'job-spawner' }), wanted)
})
