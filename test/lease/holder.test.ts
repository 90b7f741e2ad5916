import { spawn } from 'node:child_process'
import { once } from 'node:events'
import t from 'tap'
import {
  evidenceOf,
  isDead,
  thisProcess,
  type HolderEvidence,
  type ProcessTable,
} from '../../lib/lease/holder.js'

function failing(code: string): never {
  throw Object.assign(new Error(code), { code })
}

/** A machine on which these processes run, each with its `stat` file. */
function machine(stats: Record<number, string>, more: Partial<ProcessTable> = {}): ProcessTable {
  return {
    read: path => {
      if (path.endsWith('/boot_id')) return 'boot-1\n'
      return stats[Number(/^\/proc\/(\d+)\/stat$/.exec(path)?.[1])] ?? failing('ENOENT')
    },
    link: () => 'pid:[4026531836]',
    exists: pid => pid in stats,
    ...more,
  }
}

const stat = (pid: number, startTime: number, { comm = 'node', state = 'S' } = {}) =>
  `${pid} (${comm}) ${state} 1 ${'0 '.repeat(17)}${startTime} 1 2 3\n`

const own: HolderEvidence = {
  podUid: 'pod-1',
  bootId: 'boot-1',
  pidNamespace: 'pid:[4026531836]',
  pid: 10,
  startTime: '500',
}

t.test('whether a holder is proved to be dead', t => {
  const table = machine({ 10: stat(10, 500), 20: stat(20, 600), 30: stat(30, 1, { state: 'Z' }) })
  const rows: [string, Partial<HolderEvidence>, boolean][] = [
    ['runs', { pid: 20, startTime: '600' }, false],
    ['its number is gone', { pid: 21, startTime: '600' }, true],
    ['its number is another process now', { pid: 20, startTime: '599' }, true],
    ['its number is taken, and its start is not known', { pid: 20, startTime: undefined }, false],
    ['a zombie', { pid: 30, startTime: '1' }, true],
    ['another boot of our machine', { pid: 21, bootId: 'boot-0', podUid: undefined }, false],
    ['another machine', { pid: 21, bootId: 'boot-2', podUid: 'pod-2' }, false],
    ['another namespace', { pid: 21, pidNamespace: 'pid:[5]', podUid: 'pod-2' }, false],
    ['another namespace of our pod', { pid: 21, pidNamespace: 'pid:[5]' }, true],
    ['our pod, on a machine that has booted', { pid: 21, bootId: 'boot-0' }, true],
    ['a second process in our own container', { pid: 20, startTime: '600' }, false],
    ['nothing known', { pid: 21, bootId: undefined, podUid: undefined }, false],
    ['no namespace known', { pid: 21, pidNamespace: undefined, podUid: undefined }, false],
  ]
  for (const [name, given, wanted] of rows) {
    t.equal(isDead({ ...own, ...given }, own, table), wanted, name)
  }
  t.end()
})

t.test('what is not known of ourselves proves nothing', t => {
  const table = machine({})
  const other = { ...own, pid: 21 }
  t.notOk(isDead(other, { pid: 10 }, table))
  t.notOk(isDead({ pid: 21 }, { pid: 10 }, table))
  t.end()
})

t.test('a process that /proc hides, or that cannot be read, is not taken for dead', t => {
  const other = { ...own, pid: 21, startTime: '600' }
  t.notOk(isDead(other, own, machine({}, { exists: () => true })), 'hidden (hidepid)')
  const unreadable = machine({}, { read: () => failing('EACCES'), exists: () => false })
  t.notOk(isDead(other, own, unreadable))
  t.notOk(isDead(other, own, machine({ 21: 'nonsense' })))
  t.end()
})

t.test('a command may have blanks and brackets of its own', t => {
  const comm = 'a) S 1 (b) 7'
  const table = machine({ 20: stat(20, 600, { comm }) })
  t.notOk(isDead({ ...own, pid: 20, startTime: '600' }, own, table))
  t.ok(isDead({ ...own, pid: 20, startTime: '601' }, own, table))
  const me = thisProcess({}, { pid: 20, table })
  t.equal(me.evidence.startTime, '600')
  t.end()
})

t.test('two holders on one host are told apart', t => {
  const [a, b] = [thisProcess({}), thisProcess({ POD_UID: 'pod-1' })]
  t.not(a.identity, b.identity)
  t.equal(a.evidence.podUid, undefined)
  t.equal(b.evidence.podUid, 'pod-1')
  t.equal(thisProcess({ POD_UID: '' }).evidence.podUid, undefined)
  t.notOk(a.isDead(b.evidence), 'both are this process')
  t.end()
})

t.test('without /proc a holder says only its number', t => {
  const table = {
    read: () => failing('ENOENT'),
    link: () => failing('ENOENT'),
    exists: () => false,
  }
  const me = thisProcess({}, { pid: 7, table })
  t.same(JSON.parse(JSON.stringify(me.evidence)), { pid: 7 })
  t.notOk(me.isDead({ ...own, podUid: undefined }))
  t.end()
})

const skip = process.platform === 'linux' ? false : 'needs /proc'

t.test('a real process is proved dead when it is, and not before', { skip }, async t => {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
  t.teardown(() => child.kill('SIGKILL'))
  await once(child, 'spawn')
  const { evidence } = thisProcess({}, { pid: child.pid })
  const me = thisProcess({})
  t.notOk(me.isDead(evidence))
  t.ok(me.isDead({ ...evidence, startTime: '1' }))
  child.kill('SIGKILL')
  await once(child, 'exit')
  t.ok(me.isDead(evidence))
})

t.test('evidence is read back as it was written, and nothing else is taken for it', t => {
  t.match(evidenceOf(JSON.stringify({ identity: 'x', ...own })), { identity: 'x', ...own })
  for (const text of [
    undefined,
    '',
    '{',
    'null',
    '[]',
    '"x"',
    '{"pid":"7"}',
    '{"pid":-1}',
    '{"pid":1.5}',
  ])
    t.equal(evidenceOf(text), undefined, String(text))
  t.match(evidenceOf('{"pid":7,"bootId":1,"podUid":""}'), {
    pid: 7,
    bootId: undefined,
    podUid: undefined,
  })
  t.end()
})
