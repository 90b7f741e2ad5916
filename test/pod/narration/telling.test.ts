import t from 'tap'
import type { Fact } from '../../../lib/pod/narration/story.js'
import {
  isTellingTime,
  nothingTold,
  telling,
  type Told,
} from '../../../lib/pod/narration/telling.js'

const fact = (key: string, text = key): Fact => ({ key, atMs: 0, text })
const changing = (text: string): Fact => ({ key: 'waiting', atMs: 0, text, again: true })

/** What is said at each second of these. */
function log(steps: readonly [second: number, facts: readonly Fact[]][], from: Told = nothingTold) {
  let told = from
  return steps.map(([second, facts]) => {
    const said = telling(facts, told, { waitingSinceMs: 0, now: second * 1_000 })
    told = said?.told ?? told
    return said?.lines
  })
}

t.test('nothing in the first five seconds, then all so far', async t => {
  const facts = [fact('a'), fact('b', 'b1\nb2')]
  t.same(
    log([
      [4.9, facts],
      [5, facts],
    ]),
    [undefined, ['a', 'b1', 'b2']],
  )
})

t.test('each fact once, and nothing when there is nothing new', async t => {
  const twice = [fact('a'), fact('b')]
  t.same(
    log([
      [5, [fact('a')]],
      [30, [fact('a')]],
      [40, twice],
    ]),
    [['a'], undefined, ['b']],
  )
  t.same(
    log([
      [5, [fact('a')]],
      [90, [fact('a', 'other')]],
    ]),
    [['a'], undefined],
  )
  t.same(log([[5, []]]), [undefined])
})

t.test('ten seconds lie between two tellings', async t => {
  const all = [fact('a'), fact('b')]
  t.same(
    log([
      [6, [fact('a')]],
      [15.9, all],
      [16, all],
    ]),
    [['a'], undefined, ['b']],
  )
  const after: Told = { keys: new Set(['a']), lastMs: 6_000 }
  const times = (second: number) => ({ waitingSinceMs: 0, now: second * 1_000 })
  t.notOk(isTellingTime(after, times(15.9)))
  t.ok(isTellingTime(after, times(16)))
  t.notOk(isTellingTime(nothingTold, times(4.9)))
  t.ok(isTellingTime(nothingTold, times(5)))
})

t.test(
  'other words of the same are said after a minute, and only the lines that are others',
  async t => {
    const [first, other] = [changing('no node\n0/3 nodes'), changing('no node\n0/4 nodes')]
    t.same(
      log([
        [5, [first]],
        [64, [other]],
        [65, [other]],
        [130, [other]],
        [140, [first]],
      ]),
      [['no node', '0/3 nodes'], undefined, ['0/4 nodes'], undefined, ['0/3 nodes']],
    )
  },
)

t.test('what differs in each attempt at the same is no news', async t => {
  const attempt = (pod: string, reason: string, times: string) =>
    changing(
      `Kubernetes says (${reason}): pods "job-${pod}" is forbidden, request ${pod}0f1e2d3c`,
    ).text.concat(`\nJob spawner: Sidecar db ended${times}; it starts again.`)
  const steps: [number, Fact[]][] = [
    [5, [changing(attempt('nxvwx', 'FailedCreate', ''))]],
    [70, [changing(attempt('dvg56', 'FailedCreate, 7 times', ', 3 times so far'))]],
  ]
  const [first, again] = log(steps)
  t.equal(first?.length, 2)
  t.same(again, [
    'Kubernetes says (FailedCreate, 7 times): pods "job-dvg56" is forbidden, request dvg560f1e2d3c',
  ])
  const same = changing('Kubernetes says (A): sandbox 0f1e2d3c4b')
  const alike = changing('Kubernetes says (B): sandbox 77aa88bb99')
  t.same(
    log([
      [5, [same]],
      [70, [alike]],
    ])[1],
    undefined,
  )
})
