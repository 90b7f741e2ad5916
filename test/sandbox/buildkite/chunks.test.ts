import t from 'tap'
import { accepted, call, chunk, emulator, finish, running } from './client.js'

t.test('chunks may come out of order and twice; the log is whole and no one objects', async t => {
  const upstream = await emulator(t)
  const read: string[] = []
  upstream.on('log', (_, text) => read.push(text))
  upstream.createBuild('steps: [{ command: a }]')
  const job = await running(upstream)
  await chunk(upstream, job, 'two\n', { sequence: 2, offset: 4 })
  t.same(read, [], 'nothing is contiguous yet')
  await chunk(upstream, job, 'one\n', { sequence: 1, offset: 0 })
  t.same(read, ['one\ntwo\n'])
  t.equal((await chunk(upstream, job, 'one\n', { sequence: 1, offset: 0 })).status, 201)
  await finish(upstream, job)
  t.equal(upstream.job(job.id).log, 'one\ntwo\n')
  t.same(upstream.violations, [])
})

const refused: [
  why: string,
  text: string,
  fields: { sequence: number; offset: number; size?: number },
][] = [
  ['a size that is not that of the body', 'abc', { sequence: 1, offset: 0, size: 4 }],
  ['a sequence below 1', 'abc', { sequence: 0, offset: 0 }],
  ['more bytes than chunks_max_size_bytes', 'a'.repeat(101), { sequence: 1, offset: 0 }],
  ['no bytes', '', { sequence: 1, offset: 0 }],
]

for (const [why, text, fields] of refused) {
  t.test(`a chunk with ${why} is refused, and a violation`, async t => {
    const upstream = await emulator(t, { chunksMaxSizeBytes: 100 })
    upstream.createBuild('steps: [{ command: a }]')
    const job = await running(upstream)
    t.equal((await chunk(upstream, job, text, fields)).status, 400)
    t.equal(upstream.violations.length, 1)
    t.equal(upstream.job(job.id).chunks.length, 0)
  })
}

t.test('a chunk that is not gzip, or not said to be, is refused', async t => {
  const upstream = await emulator(t)
  upstream.createBuild('steps: [{ command: a }]')
  const job = await running(upstream)
  const path = `/jobs/${job.id}/chunks?sequence=1&offset=0&size=3`
  const sending = { token: job.jobToken, raw: Buffer.from('abc') }
  const plain = { 'content-type': 'text/plain' }
  t.match(await call(upstream, 'POST', path, { ...sending, headers: plain }), {
    status: 400,
    body: { message: /Content-Encoding/ },
  })
  const zipped = { ...plain, 'content-encoding': 'gzip' }
  t.match(await call(upstream, 'POST', path, { ...sending, headers: zipped }), {
    status: 400,
    body: { message: /not gzip/ },
  })
})

t.test('another body under a sequence that is taken is a violation', async t => {
  const upstream = await emulator(t)
  upstream.createBuild('steps: [{ command: a }]')
  const job = await running(upstream)
  await chunk(upstream, job, 'one\n', { sequence: 1, offset: 0 })
  t.equal((await chunk(upstream, job, 'uno\n', { sequence: 1, offset: 0 })).status, 400)
  t.match(upstream.violations, [/sequence 1/])
  t.equal(upstream.job(job.id).log, 'one\n')
})

const badLogs: [
  why: string,
  chunks: [sequence: number, offset: number][],
  failed: number,
  said: RegExp[],
][] = [
  [
    'a missing sequence',
    [
      [1, 0],
      [3, 4],
    ],
    0,
    [/lacks 1/],
  ],
  [
    'an overlap',
    [
      [1, 0],
      [2, 3],
    ],
    0,
    [/chunk 2 has offset 3/],
  ],
  [
    'a hole',
    [
      [1, 0],
      [2, 5],
    ],
    0,
    [/chunk 2 has offset 5/],
  ],
  [
    'a missing chunk that the agent owns up to',
    [
      [1, 0],
      [3, 8],
    ],
    1,
    [],
  ],
]

for (const [why, chunks, failed, said] of badLogs) {
  t.test(`a finished log with ${why}: ${said.length} violations`, async t => {
    const upstream = await emulator(t)
    upstream.createBuild('steps: [{ command: a }]')
    const job = await running(upstream)
    for (const [sequence, offset] of chunks)
      await chunk(upstream, job, 'abcd', { sequence, offset })
    t.equal((await finish(upstream, job, { chunks_failed_count: failed })).status, 200)
    t.equal(upstream.violations.length, said.length)
    t.match(upstream.violations, said)
  })
}

t.test(
  'chunks before start and after finish are violations, chunks after a cancel grace are not',
  async t => {
    const upstream = await emulator(t, { timeouts: { cancelGraceMs: 0 } })
    upstream.createBuild('steps: [{ command: a }, { command: b }]')
    const early = await accepted(upstream)
    t.equal((await chunk(upstream, early, 'x', { sequence: 1, offset: 0 })).status, 400)
    const job = await running(upstream)
    await finish(upstream, job)
    const late = await chunk(upstream, job, 'x', { sequence: 1, offset: 0 })
    t.match(late, { status: 400, body: { message: /^Job can't have chunks/ } })
    t.equal(upstream.violations.length, 2)
    upstream.cancelJob(early.id)
    t.equal((await chunk(upstream, early, 'x', { sequence: 1, offset: 0 })).status, 400)
    t.equal(upstream.violations.length, 2)
  },
)
