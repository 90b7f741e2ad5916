import t from 'tap'
import { Journal, type Opening } from '../../lib/run/journal.js'
import type { RunState } from '../../lib/run/run-options.js'
import type { Chunk } from '../../lib/upstream/jobs.js'
import { jobUpstream, opening, runAt } from './run-of.js'

function journal(options: { sealed?: boolean } = {}) {
  const uploads: Chunk[] = []
  const kept: Opening[] = []
  const made = new Journal({
    opening: { text: 'first\n', sequence: 1, bytes: 6 },
    cursor: { sequence: 1, offset: 6 },
    sealed: options.sealed ?? false,
    upload: async chunk => uploads.push(chunk) > 0,
    keep: async opening => void kept.push(opening),
  })
  const sent = () =>
    uploads.map(({ sequence, offset, text }) => [sequence, offset, text.toString()])
  return { made, sent, kept }
}

t.test('our lines tile the log from its beginning', async t => {
  const { made, sent, kept } = journal()
  made.begin()
  t.ok(await made.say(Buffer.from('second\n')))
  await made.settled()
  t.same(sent(), [
    [1, 0, 'first\n'],
    [2, 6, 'second\n'],
  ])
  t.same(kept, [{ text: 'second\n', sequence: 2, bytes: 13 }], 'durable before it was sent')
  t.same(await made.seal(), { sequence: 2, offset: 13 })
})

t.test('once the pod has been told where it begins, we are silent', async t => {
  const { made, sent } = journal()
  t.same(await made.seal(), { sequence: 1, offset: 6 })
  t.notOk(await made.say(Buffer.from('late\n')))
  t.same(sent(), [])
})

t.test('after a crash the last lines of ours are sent again with the same numbers', async t => {
  const { made, sent } = journal({ sealed: true })
  made.begin()
  await made.settled()
  t.same(sent(), [[1, 0, 'first\n']])
})

t.test('a log that no pod has written to may be written to by us again', async t => {
  const { made } = journal({ sealed: true })
  made.reopen()
  t.ok(await made.say(Buffer.from('more\n')))
  t.same(made.position, { sequence: 2, offset: 11 })
})

t.test('where the pod begins is told only when it is durable', async t => {
  let durable = () => {}
  const uploads: Chunk[] = []
  const made = new Journal({
    opening: { text: 'first\n', sequence: 1, bytes: 6 },
    cursor: { sequence: 1, offset: 6 },
    sealed: false,
    upload: async chunk => uploads.push(chunk) > 0,
    keep: () => new Promise(resolve => (durable = resolve)),
  })
  const idle = durable
  const said = made.say(Buffer.from('second\n'))
  while (durable === idle) await new Promise(resolve => setImmediate(resolve))
  let told: unknown
  const sealed = made.seal().then(position => (told = position))
  await new Promise(resolve => setImmediate(resolve))
  t.equal(told, undefined)
  durable()
  t.ok(await said)
  await sealed
  t.same(told, { sequence: 2, offset: 13 })
})

t.test('lines that could not be made durable leave no hole', async t => {
  let fails = true
  const uploads: Chunk[] = []
  const made = new Journal({
    opening: { text: 'first\n', sequence: 1, bytes: 6 },
    cursor: { sequence: 1, offset: 6 },
    sealed: false,
    upload: async chunk => uploads.push(chunk) > 0,
    keep: async () => {
      if (fails) throw new Error('too large')
    },
  })
  await t.rejects(made.say(Buffer.from('lost\n')))
  t.same(made.position, { sequence: 1, offset: 6 })
  fails = false
  t.ok(await made.say(Buffer.from('kept\n')))
  await made.settled()
  t.match(uploads, [{ sequence: 2, offset: 6 }])
  t.same(await made.seal(), { sequence: 2, offset: 11 })
})

t.test('lines said at the same time come one after the other', async t => {
  const { made, sent } = journal()
  await Promise.all(['a\n', 'b\n', 'c\n'].map(line => made.say(Buffer.from(line))))
  await made.settled()
  t.same(sent(), [
    [2, 6, 'a\n'],
    [3, 8, 'b\n'],
    [4, 10, 'c\n'],
  ])
})

t.test('lines that the ledger refuses are nothing that a later write may tell of', async t => {
  const kept: RunState[] = []
  const refused = new Error('the API server does not take this Secret')
  let takes = false
  const upstream = await jobUpstream(t)
  const { run, noted } = runAt(t, upstream.endpoint, {
    keep: state => (takes ? Promise.resolve(void kept.push(state)) : Promise.reject(refused)),
  })
  await run.say(['lost'])
  t.same(await run.opening(), { sequence: 1, offset: opening.bytes }, 'the pod writes here')
  run.jobMade('uid-1')
  t.same(noted.at(-1)?.opening, opening, 'where the next process is to see its chunks, too')
  takes = true
  await run.handOver()
  t.same(kept.at(-1)?.opening, opening)
})
