import t from 'tap'
import { nextTry, policies, retryAfterMs, type Fault } from '../../lib/upstream/retry.js'

const status = (code: number, retryAfter?: number): Fault => ({
  kind: 'status',
  status: code,
  retryAfterMs: retryAfter,
})
const network: Fault = { kind: 'network' }

t.test('each call bears the faults that the real agent bears', async t => {
  const table: [keyof typeof policies, Fault, boolean, string][] = [
    ['register', status(503), true, 'upstream is busy'],
    ['register', status(401), false, 'the token is wrong'],
    ['accept', network, true, 'no answer: the job may still be ours'],
    ['accept', status(503), false, 'the next ping tells'],
    ['accept', status(422), false, 'somebody else has it'],
    ['start', status(422), false, 'too late'],
    ['start', status(500), true, 'upstream is broken'],
    ['chunk', status(429), true, 'a chunk that is dropped is a hole in the log'],
    ['chunk', status(400), false, 'the job is over'],
    ['finish', network, true, 'nobody else delivers it'],
    ['finish', status(302), true, 'a redirect is no word on the job'],
    ['finish', status(408), true, 'it came too slowly, this time'],
    ['finish', status(422), false, 'over already'],
    ['state', network, false, 'the next poll asks again'],
  ]
  for (const [call, fault, again, why] of table) {
    t.equal(nextTry(policies[call], 1, fault, 0) !== undefined, again, `${call}: ${why}`)
  }
})

t.test('a call is given up after its attempts', async t => {
  for (const [call, policy] of Object.entries(policies)) {
    t.equal(nextTry(policy, policy.attempts, network, 0), undefined, call)
  }
})

t.test('finish goes on for most of an hour, and a chunk too', async t => {
  for (const call of ['finish', 'chunk'] as const) {
    const policy = policies[call]
    const waits = Array.from({ length: policy.attempts - 1 }, (_, n) => policy.waitMs(n))
    const total = waits.reduce((sum, wait) => sum + wait, 0)
    t.ok(total > 45 * 60_000 && total < 75 * 60_000, `${call}: ${total} ms`)
  }
})

t.test('upstream may ask for a longer wait, of a minute at most', async t => {
  t.equal(nextTry(policies.start, 1, status(503, 5_000), 0), 5_000)
  t.equal(nextTry(policies.start, 1, status(503, 10), 0), 1_000)
  t.equal(nextTry(policies.start, 1, status(503, 9e9), 0), 60_000)
})

t.test('waits differ by chance, so that many agents do not come at once', async t => {
  t.equal(nextTry(policies.connect, 1, network, 0.5), 5_500)
})

t.test('a Retry-After is read in seconds, whole or not', async t => {
  t.equal(retryAfterMs('1.5'), 1_500)
  t.equal(retryAfterMs(['2', '3']), 2_000)
  for (const odd of [undefined, '-1', 'Wed, 21 Oct 2026 07:28:00 GMT']) {
    t.equal(retryAfterMs(odd), undefined, String(odd))
  }
})
