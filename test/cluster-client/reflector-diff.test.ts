import t from 'tap'
import type { NamedObject } from '../../lib/cluster/list-watch.js'
import { changesOfEvent, changesOfList } from '../../lib/cluster/reflector-diff.js'

function object(name: string, resourceVersion = '1', uid = name): NamedObject {
  return { metadata: { name, resourceVersion, uid } }
}

function store(...objects: NamedObject[]): Map<string, NamedObject> {
  return new Map(objects.map(one => [one.metadata?.name ?? '', one]))
}

function words(changes: ReturnType<typeof changesOfList>): string[] {
  return changes.map(({ type, name, object: { metadata } }) => `${type} ${name} ${metadata?.uid}`)
}

t.test('a list says what is new, what has changed, and what went unseen', async t => {
  const known = store(
    object('gone'),
    object('same'),
    object('changed'),
    object('again', '1', 'old'),
  )
  const items = [
    object('new'),
    object('same'),
    object('changed', '2'),
    object('again', '3', 'young'),
  ]
  t.same(words(changesOfList(known, items)), [
    'delete gone gone',
    'add new new',
    'update changed changed',
    'delete again old',
    'add again young',
  ])
})

t.test('an event is what it means for what is known, whatever it calls itself', async t => {
  const known = store(object('a'))
  const table: [string, NamedObject, string[]][] = [
    ['ADDED', object('b'), ['add b b']],
    ['ADDED', object('a', '2'), ['update a a']],
    ['ADDED', object('a', '1'), []],
    ['MODIFIED', object('b', '2'), ['add b b']],
    ['MODIFIED', object('a', '2'), ['update a a']],
    ['MODIFIED', object('a', '2', 'young'), ['delete a a', 'add a young']],
    ['DELETED', object('a', '2'), ['delete a a']],
    ['DELETED', object('a', '2', 'old'), []],
    ['DELETED', object('b'), []],
    ['BOOKMARK', { metadata: { resourceVersion: '9' } }, []],
  ]
  for (const [type, one, wanted] of table) {
    const event = { type: type as 'ADDED', object: one }
    t.same(words(changesOfEvent(known, event)), wanted, `${type} ${one.metadata?.uid}`)
  }
})
