import t from 'tap'
import { claim, credential, proves, type CredentialKind } from '../../lib/gateway/credentials.js'

const run = { jobId: '01890000-0000-4000-8000-000000000001', secret: 'c2VjcmV0LXNlY3JldC1zZWNyZXQ' }
const kinds: CredentialKind[] = ['register', 'session', 'job']

t.test('a token is known again, with its kind and its job', async t => {
  for (const kind of kinds) {
    const claimed = claim(`Token ${credential(kind, run)}`)
    t.match(claimed, { kind, jobId: run.jobId })
    t.ok(claimed && proves(claimed, run.secret))
  }
})

t.test('the same run has the same tokens after a restart', async t => {
  for (const kind of kinds) t.equal(credential(kind, run), credential(kind, { ...run }))
})

t.test('no token passes for another kind, another job or another run', async t => {
  const [prefix, job, mac] = credential('register', run).split('_')
  const forged = [
    `jsj_${job}_${mac}`,
    `${prefix}_another_${mac}`,
    `${prefix}_${job}_${'A'.repeat(43)}`,
  ]
  for (const token of forged) {
    const claimed = claim(`Token ${token}`)
    t.ok(claimed, token)
    t.notOk(claimed && proves(claimed, run.secret), token)
  }
  const own = claim(`Token ${credential('job', run)}`)
  t.notOk(own && proves(own, 'YW5vdGhlcg'))
})

t.test('anything else is no claim', async t => {
  for (const header of [
    undefined,
    '',
    'Token x',
    'Bearer jsr_a_b',
    `Token xyz_a_${'A'.repeat(43)}`,
  ]) {
    t.equal(claim(header), undefined, String(header))
  }
})
