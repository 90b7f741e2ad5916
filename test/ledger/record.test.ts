import { randomBytes } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { Problem } from '../../lib/errors.js'
import { decodeSlotSecret } from '../../lib/ledger/format-1.js'
import { packRecord, unpackRecord, type SlotRecord } from '../../lib/ledger/record.js'

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
    podUid: 'u-1',
    reported: { exit_status: '0' },
  },
}

const place = { slot: 3, where: 'Secret ledger/host-slot-3' }

function base64(text: string | Buffer): string {
  return Buffer.from(text as string).toString('base64')
}

function packed(value: unknown): string {
  return base64(gzipSync(JSON.stringify(value)))
}

function again(record: SlotRecord): SlotRecord {
  return unpackRecord(base64(packRecord(record)), { slot: record.slot, where: 'here' })
}

t.test('a record comes back as it was, with fields that we do not know', async t => {
  t.same(again(whole), whole)
  t.same(again({ version: 1, slot: 0 }), { version: 1, slot: 0 })
  const later = { ...whole, mood: 'good', run: { ...whole.run, colour: 'blue' } } as SlotRecord
  t.same(again(later), later)
})

t.test('a payload of 1 MiB of environment comes back as it was', async t => {
  const env = { BIG: randomBytes(512 * 1024).toString('hex') }
  const payload = { id: 'j', env, chunks_max_size_bytes: 1 }
  const run = { jobId: 'j', phase: 'accepted' as const, payload }
  t.same(again({ version: 1, slot: 0, run }), { version: 1, slot: 0, run })
})

t.test('a record that does not fit a Secret is refused, with the job and its size', async t => {
  const env = { BIG: randomBytes(1_400_000).toString('base64') }
  const payload = { id: 'j-9', env, chunks_max_size_bytes: 1 }
  const run = { jobId: 'j-9', phase: 'accepted' as const, payload }
  const wanted = { code: 'LEDGER_RECORD', where: 'job j-9', found: /^\d{7} bytes$/ }
  t.throws(() => packRecord({ version: 1, slot: 0, run }), wanted)
})

const damages: [string, string, RegExp][] = [
  ['nothing', '', /unpacked/],
  ['not packed', base64('s3cret'), /unpacked/],
  ['cut', base64(packRecord(whole)).slice(0, 80), /unpacked/],
  ['a list', packed([1]), /shape/],
  ['no slot', packed({ version: 1 }), /shape/],
  ['another slot', packed({ version: 1, slot: 4 }), /slot 4/],
  ['a run without a phase', packed({ slot: 3, run: { jobId: 's3cret' } }), /shape/],
  ['half a registration', packed({ slot: 3, registration: { name: 'x' } }), /shape/],
  ['a registration that is a word', packed({ slot: 3, registration: 's3cret' }), /shape/],
  ['a run that is a word', packed({ slot: 3, run: 's3cret' }), /shape/],
]

function refused(t: Test, act: () => unknown, { why, found }: { why: string; found: RegExp }) {
  try {
    act()
    t.fail(why)
  } catch (error) {
    t.ok(error instanceof Problem, why)
    t.match(error, { code: 'LEDGER_RECORD', where: place.where, found }, why)
    t.notMatch(JSON.stringify(error), /s3cret/, why)
  }
}

t.test('damaged records are refused, and never quoted', async t => {
  for (const [why, text, found] of damages) {
    refused(t, () => unpackRecord(text, place), { why, found })
  }
})

t.test('the Secret of a slot of format 1 is read, the phase before the accept too', async t => {
  const data = { version: base64('1'), record: base64(packRecord(whole)) }
  t.same(decodeSlotSecret(data, place), whole)
  const accepting = { version: 1, slot: 3, run: { jobId: 'j', phase: 'accepting' } }
  t.same(decodeSlotSecret({ ...data, record: packed(accepting) }, place), accepting)
})

t.test('a Secret of format 1 that is damaged or of another version is refused', async t => {
  const record = base64(packRecord(whole))
  const table: [string, Record<string, string> | undefined, RegExp][] = [
    ['no data', undefined, /no version/],
    ['no version', { record }, /no version/],
    ['a later version', { record, version: base64('2') }, /version 2/],
    ['a strange version', { record, version: base64('s3cret') }, /no version that we know/],
    ['no record', { version: base64('1') }, /unpacked/],
  ]
  for (const [why, data, found] of table) {
    refused(t, () => decodeSlotSecret(data, place), { why, found })
  }
})
