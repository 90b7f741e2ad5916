import t from 'tap'
import { GroupCommit } from '../../lib/ledger/group-commit.js'
import { until } from './records-in.js'

/** Writes that a test lets end one by one. */
function commits() {
  const writes: { join: () => void; end: (error?: Error) => void }[] = []
  const failed = new Map<string, unknown>()
  const group = new GroupCommit<string>(
    join =>
      new Promise((resolve, reject) => {
        writes.push({ join, end: error => (error ? reject(error) : resolve(failed)) })
      }),
  )
  const done: string[] = []
  const commit = (what: string) =>
    group.commit(what).then(
      () => void done.push(what),
      (error: Error) => void done.push(`${what}: ${error.message}`),
    )
  return { writes, failed, done, commit }
}

t.test('those who come in one turn share a write, those who come later the next', async t => {
  const { writes, done, commit } = commits()
  void commit('a')
  void Promise.resolve().then(() => commit('b'))
  await until(() => writes.length === 1)
  void commit('c')
  void commit('d')
  writes[0]?.end()
  await until(() => writes.length === 2)
  t.same(done, ['a', 'b'])
  writes[1]?.end()
  await until(() => done.length === 4)
  t.equal(writes.length, 2)
})

t.test('a write that joins again writes for those who came meanwhile', async t => {
  const { writes, done, commit } = commits()
  void commit('a')
  await until(() => writes.length === 1)
  void commit('b')
  writes[0]?.join()
  void commit('c')
  writes[0]?.end()
  await until(() => writes.length === 2)
  t.same(done, ['a', 'b'])
})

t.test('a write that fails rejects those it was for, and the next is tried', async t => {
  const { writes, done, commit } = commits()
  void commit('a')
  await until(() => writes.length === 1)
  void commit('b')
  writes[0]?.end(new Error('no'))
  await until(() => writes.length === 2)
  t.same(done, ['a: no'])
  writes[1]?.end()
  await until(() => done.length === 2)
  t.same(done, ['a: no', 'b'])
})

t.test('what could not be written of all rejects alone', async t => {
  const { writes, failed, done, commit } = commits()
  for (const what of ['a', 'b', 'c']) void commit(what)
  await until(() => writes.length === 1)
  failed.set('b', new Error('too large'))
  writes[0]?.end()
  await until(() => done.length === 3)
  t.same(done, ['a', 'b: too large', 'c'])
})
