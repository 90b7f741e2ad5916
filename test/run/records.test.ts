import t from 'tap'
import type { SlotRecord } from '../../lib/ledger/record.js'
import { Records } from '../../lib/run/records.js'
import { agentAt } from '../upstream/scripted.js'
import { accepted } from './run-of.js'

function recorded() {
  const puts: SlotRecord[] = []
  const notes: SlotRecord[] = []
  const removed: number[] = []
  const records = new Records({
    put: async record => void puts.push(structuredClone(record)),
    note: record => void notes.push(structuredClone(record)),
    remove: async slot => void removed.push(slot),
  })
  return { records, puts, notes, removed }
}

const session = agentAt('http://upstream/v3')

t.test("a slot's session and its run are written together", async t => {
  const { records, puts } = recorded()
  await records.setSession(3, session)
  await records.setRun(3, accepted())
  await records.setSession(3, { ...session, endpoint: 'http://other/v3' })
  t.same(puts, [
    { version: 1, slot: 3, registration: session },
    { version: 1, slot: 3, registration: session, run: accepted() },
    {
      version: 1,
      slot: 3,
      registration: { ...session, endpoint: 'http://other/v3' },
      run: accepted(),
    },
  ])
})

t.test('a run that is over costs no write; the next record says it', async t => {
  const { records, puts, notes } = recorded()
  records.adopt({ version: 1, slot: 0, registration: session, run: accepted() })
  records.clearRun(0)
  t.same(puts, [])
  t.same(notes, [{ version: 1, slot: 0, registration: session, run: undefined }])
  await records.setSession(0, session)
  t.equal(puts[0]?.run, undefined)
})

t.test('slots do not mix, and one that is gone is forgotten', async t => {
  const { records, puts, removed } = recorded()
  await records.setSession(0, session)
  await records.setRun(1, accepted())
  t.equal(puts[1]?.registration, undefined)
  await records.forget(0)
  t.same(removed, [0])
  await records.setRun(0, accepted())
  t.equal(puts[2]?.registration, undefined)
})

t.test('what is noted of a run costs no write, and goes along with the next one', async t => {
  const { records, puts, notes } = recorded()
  records.noteRun(2, accepted({ podUid: 'uid' }))
  t.same(puts, [])
  t.match(notes, [{ slot: 2, run: { podUid: 'uid' } }])
  await records.setSession(2, session)
  t.match(puts, [{ registration: session, run: { podUid: 'uid' } }])
})
