import { randomBytes } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { Problem } from '../../lib/errors.js'
import { decodeRecord, encodeRecord, type SlotRecord } from '../../lib/ledger/record.js'

const whole: SlotRecord = {
  version: 1,
  slot: 3,
  registration: {
    agentId: 'a-1',
    name: 'host-3',
    accessToken: 's3cret',
    endpoint: 'https://agent.test/v3',
    requestHeaders: { 'Buildkite-Hello': 'world' },
    pingInterval: 10,
    jobStatusInterval: 5,
    heartbeatInterval: 60,
  },
  run: {
    jobId: 'j-1',
    phase: 'accepted',
    payload: { id: 'j-1', env: { A: 'ä\n"' }, token: 's3cret', chunks_max_size_bytes: 102_400 },
    secret: 'c2VjcmV0',
    opening: { text: 'hello\n', sequence: 1, bytes: 6 },
    acceptedAt: 1_700_000_000_000,
    cursor: { sequence: 4, offset: 200 },
  },
}

function base64(text: string | Buffer): string {
  return Buffer.from(text as string).toString('base64')
}

function packed(value: unknown): Record<string, string> {
  return { version: base64('1'), record: base64(gzipSync(JSON.stringify(value))) }
}

t.test('a record comes back as it was', async t => {
  t.same(decodeRecord(encodeRecord(whole)), whole)
  t.same(decodeRecord(encodeRecord({ version: 1, slot: 0 })), { version: 1, slot: 0 })
})

t.test('a payload of 1 MiB of environment comes back as it was', async t => {
  const env = { BIG: randomBytes(512 * 1024).toString('hex') }
  const payload = { id: 'j', env, chunks_max_size_bytes: 1 }
  const record: SlotRecord = {
    version: 1,
    slot: 0,
    run: { jobId: 'j', phase: 'accepted', payload },
  }
  t.same(decodeRecord(encodeRecord(record)), record)
})

t.test('a record that does not fit a Secret is refused, with the job and its size', async t => {
  const env = { BIG: randomBytes(1_400_000).toString('base64') }
  const payload = { id: 'j-9', env, chunks_max_size_bytes: 1 }
  const run = { jobId: 'j-9', phase: 'accepted' as const, payload }
  const wanted = { code: 'LEDGER_RECORD', where: 'job j-9', found: /^\d{7} bytes$/ }
  t.throws(() => encodeRecord({ version: 1, slot: 0, run }), wanted)
})

t.test('damaged records and those of later versions are refused, and never quoted', async t => {
  const good = encodeRecord(whole)
  const table: [string, Record<string, string> | undefined, RegExp][] = [
    ['no data', undefined, /no version/],
    ['no version', { record: good['record'] ?? '' }, /no version/],
    ['a later version', { ...good, version: base64('2') }, /version 2/],
    ['a strange version', { ...good, version: base64('s3cret') }, /no version that we know/],
    ['no record', { version: base64('1') }, /unpacked/],
    ['not packed', { version: base64('1'), record: base64('s3cret') }, /unpacked/],
    ['cut', { ...good, record: (good['record'] ?? '').slice(0, 80) }, /unpacked/],
    ['a list', packed([1]), /shape/],
    ['no slot', packed({ version: 1 }), /shape/],
    ['another version inside', packed({ version: 2, slot: 1 }), /shape/],
    ['a run without a phase', packed({ version: 1, slot: 1, run: { jobId: 's3cret' } }), /shape/],
    ['half a registration', packed({ version: 1, slot: 1, registration: { name: 'x' } }), /shape/],
    [
      'a registration that is a word',
      packed({ version: 1, slot: 1, registration: 's3cret' }),
      /shape/,
    ],
    ['a run that is a word', packed({ version: 1, slot: 1, run: 's3cret' }), /shape/],
  ]
  for (const [why, data, wanted] of table) {
    try {
      decodeRecord(data, 'Secret ledger/host-slot-3')
      t.fail(why)
    } catch (error) {
      t.ok(error instanceof Problem, why)
      t.match(
        error,
        { code: 'LEDGER_RECORD', where: 'Secret ledger/host-slot-3', found: wanted },
        why,
      )
      t.notMatch(JSON.stringify(error), /s3cret/, why)
    }
  }
})
