import t from 'tap'
import { claim, credential, proves, type CredentialKind } from '../../lib/gateway/credentials.js'

const secret = 'c2VjcmV0LXNlY3JldC1zZWNyZXQ'
const bearer = {
  jobId: '01890000-0000-4000-8000-000000000001',
  podUid: '0a890000-0000-4000-8000-00000000000a',
  addresses: ['10.244.0.7', 'fd00::7'],
  secret,
}
const kinds: CredentialKind[] = ['session', 'job']

t.test('a token is known again, with its kind, its job, its pod and its addresses', async t => {
  for (const kind of kinds) {
    for (const addresses of [[], ['10.244.0.7'], bearer.addresses]) {
      const claimed = claim(`Token ${credential(kind, { ...bearer, addresses })}`)
      const { jobId, podUid } = bearer
      t.match(claimed, { kind, jobId, podUid, addresses })
      t.ok(claimed && proves(claimed, secret))
    }
  }
})

t.test('the same pod of the same run has the same tokens after a restart', async t => {
  for (const kind of kinds) t.equal(credential(kind, bearer), credential(kind, { ...bearer }))
})

t.test('a token fits into a header, and needs no escape anywhere', async t => {
  t.match(credential('job', bearer), /^[\w.-]+$/)
})

t.test('no token passes for another kind, job, pod, address or run', async t => {
  const token = credential('session', bearer)
  const [first = '', uid = '', where = '', mac = ''] = token.split('.')
  const forged = [
    [first.replace('jss', 'jsj'), uid, where, mac],
    ['jss_another', uid, where, mac],
    [first, 'another', where, mac],
    [first, uid, '', mac],
    [first, uid, Buffer.from('10.244.0.8').toString('base64url'), mac],
    [first, uid, where, 'A'.repeat(43)],
    // The same bytes, split at another place.
    [`${first}.${uid.slice(0, 8)}`, uid.slice(8), where, mac],
  ].map(parts => parts.join('.'))
  for (const one of forged) {
    const claimed = claim(`Token ${one}`)
    t.ok(claimed, one)
    t.notOk(claimed && proves(claimed, secret), one)
  }
  const own = claim(`Token ${token}`)
  t.notOk(own && proves(own, 'YW5vdGhlcg'))
})

t.test('a text that decodes to the same addresses is no second token', async t => {
  const token = credential('job', { ...bearer, addresses: ['10.0.0.1'] })
  const [first, uid, where = '', mac] = token.split('.')
  const claimed = claim(`Token ${[first, uid, `${where}A`, mac].join('.')}`)
  t.notOk(claimed && proves(claimed, secret) && claimed.addresses.join() !== '10.0.0.1')
})

t.test('anything else is no claim', async t => {
  for (const header of [
    undefined,
    '',
    'Token x',
    'Bearer jsj_a.b..c',
    `Token jsr_a.b..${'A'.repeat(43)}`,
    `Token jsj_a.b.${'A'.repeat(43)}`,
  ]) {
    t.equal(claim(header), undefined, String(header))
  }
})
