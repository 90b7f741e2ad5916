import t from 'tap'
import { podHeaders, upstreamHeaders } from '../../lib/gateway/headers.js'

const session = { token: 'real', requestHeaders: { 'Buildkite-Shard': '7' } }

t.test(
  "the pod's token is replaced by the job's, and upstream's own headers are put in",
  async t => {
    const headers = upstreamHeaders(
      { authorization: 'Token pod', 'content-type': 'application/json' },
      session,
    )
    t.same(headers, {
      authorization: 'Token real',
      'content-type': 'application/json',
      'Buildkite-Shard': '7',
    })
  },
)

t.test("the pod can't send headers that are upstream's to specify", async t => {
  const headers = upstreamHeaders(
    { 'buildkite-shard': '9', 'buildkite-timeout-milliseconds': '10000' },
    session,
  )
  t.equal(headers['buildkite-shard'], undefined)
  t.equal(headers['Buildkite-Shard'], '7')
  t.equal(headers['buildkite-timeout-milliseconds'], '10000')
})

t.test('hop-by-hop headers stay on their hop, also those that Connection names', async t => {
  const incoming = {
    connection: 'keep-alive, X-Hop',
    'x-hop': '1',
    te: 'trailers',
    host: 'gateway',
    'x-end': '2',
  }
  t.same(Object.keys(upstreamHeaders(incoming, session)).toSorted(), [
    'Buildkite-Shard',
    'authorization',
    'x-end',
  ])
  const answered = {
    connection: 'close',
    'transfer-encoding': 'chunked',
    location: '/jobs/1',
    'retry-after': '2',
  }
  t.same(podHeaders(answered), { location: '/jobs/1', 'retry-after': '2' })
})

t.test('a body stays as it is encoded', async t => {
  t.match(upstreamHeaders({ 'content-encoding': 'gzip' }, session), { 'content-encoding': 'gzip' })
  t.match(podHeaders({ 'content-encoding': 'gzip', 'content-length': '12' }), {
    'content-encoding': 'gzip',
    'content-length': '12',
  })
})
