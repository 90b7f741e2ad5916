import type { ServerResponse } from 'node:http'
import { Writable } from 'node:stream'
import type { V1Pod } from '@kubernetes/client-node'
import t from 'tap'
import type { Clock } from '../../lib/clock.js'
import { Reflector, type ReflectorOptions } from '../../lib/cluster/reflector.js'
import { makeLog, silentLog } from '../../lib/log.js'
import { HandClock, HastyClock } from './hand-clock.js'
import { clusterAt, loopback, refuse, reply, until, type Asked, type Handler } from './loopback.js'

type Tap = { teardown(end: () => unknown): void }

interface Pod {
  metadata: object
  status?: object
}

function pod(name: string, resourceVersion: number, more: object = {}): Pod {
  const metadata = { name, uid: name, resourceVersion: String(resourceVersion), ...more }
  return { metadata }
}

function list(version: number, ...items: Pod[]): Handler {
  return (_, response) =>
    reply(response, 200, { metadata: { resourceVersion: String(version) }, items })
}

function send(response: ServerResponse, type: string, object: object): void {
  response.write(`${JSON.stringify({ type, object })}\n`)
}

const bookmark = (version: number) => ({ metadata: { resourceVersion: String(version) } })
const hang: Handler = (_, response) => response.flushHeaders()

/** Follows pods at a server that answers lists and watches in this order; the last list is repeated, watches then hang. */
async function follow(
  t: Tap,
  script: { lists: Handler[]; watches: Handler[] },
  given: Partial<ReflectorOptions<V1Pod>> & { clock?: Clock } = {},
) {
  const lists = [...script.lists]
  const watches = [...script.watches]
  const server = await loopback(t, (asked, response) => {
    if (asked.query['watch']) return (watches.shift() ?? hang)(asked, response)
    const handler = lists.length > 1 ? lists.shift() : lists[0]
    return handler?.(asked, response)
  })
  const told: string[] = []
  const stop = new AbortController()
  const reflector = new Reflector<V1Pod>({
    source: clusterAt(t, server.url).watchPods('a=b'),
    log: silentLog(),
    clock: new HastyClock(),
    onAdd: ({ metadata }, { synced }) => told.push(`add ${metadata?.name} ${synced}`),
    onUpdate: ({ metadata }) => told.push(`update ${metadata?.name} ${metadata?.resourceVersion}`),
    onDelete: ({ metadata }) => told.push(`delete ${metadata?.name}`),
    onSync: () => told.push('sync'),
    ...given,
  })
  const running = reflector.run(stop.signal)
  t.teardown(() => {
    stop.abort()
    return running
  })
  const asked = (kind: 'watch' | 'list'): Asked[] =>
    server.asked.filter(({ query }) => Boolean(query['watch']) === (kind === 'watch'))
  return { reflector, told, asked, stop, running }
}

t.test('what a list finds comes before the sync, what the watch finds after it', async t => {
  const { reflector, told, asked } = await follow(t, {
    lists: [list(5, pod('a', 1))],
    watches: [
      (_, response) => {
        send(response, 'ADDED', pod('b', 6))
        send(response, 'MODIFIED', pod('a', 7))
        send(response, 'DELETED', pod('a', 8))
      },
    ],
  })
  t.equal(await reflector.whenSynced(), true)
  await until(() => told.length === 5)
  t.same(told, ['add a false', 'sync', 'add b true', 'update a 7', 'delete a'])
  t.same([...reflector.store.keys()], ['b'])
  t.match(asked('list')[0]?.query, { labelSelector: 'a=b', limit: '500' })
  t.match(asked('watch')[0]?.query, {
    labelSelector: 'a=b',
    resourceVersion: '5',
    allowWatchBookmarks: 'true',
    timeoutSeconds: '270',
  })
})

t.test('what is not to be stored is told of as it comes, page by page, and forgotten', async t => {
  const page = (version: number, token: string, one: Pod): Handler => {
    const metadata = { resourceVersion: String(version), continue: token }
    return (_, response) => reply(response, 200, { metadata, items: [one] })
  }
  const { reflector, told } = await follow(
    t,
    {
      lists: [page(5, 'next', pod('a', 1)), page(5, '', pod('b', 2))],
      watches: [
        (_, response) => {
          send(response, 'MODIFIED', pod('a', 7))
          send(response, 'DELETED', pod('c', 8))
        },
      ],
    },
    { stores: false },
  )
  await until(() => told.length === 5)
  t.same(told, ['add a false', 'add b false', 'sync', 'add a true', 'delete c'])
  t.equal(reflector.store.size, 0)
  t.ok(reflector.synced)
  t.ok(reflector.lastFresh > 0)
})

t.test('a list of several pages is one list', async t => {
  const page = (version: number, token: string, one: Pod): Handler => {
    const metadata = { resourceVersion: String(version), continue: token }
    return (_, response) => reply(response, 200, { metadata, items: [one] })
  }
  const { reflector, told, asked } = await follow(t, {
    lists: [page(5, 'next', pod('a', 1)), page(5, '', pod('b', 2))],
    watches: [],
  })
  await reflector.whenSynced()
  t.same(told, ['add a false', 'add b false', 'sync'])
  t.equal(asked('list')[1]?.query['continue'], 'next')
})

t.test('a list whose next page has expired is begun again', async t => {
  const { reflector, told } = await follow(t, {
    lists: [
      (_, response) =>
        reply(response, 200, {
          metadata: { resourceVersion: '5', continue: 'x' },
          items: [pod('a', 1)],
        }),
      (_, response) => refuse(response, 410, { reason: 'Expired' }),
      list(6, pod('a', 1)),
    ],
    watches: [],
  })
  await reflector.whenSynced()
  t.same(told, ['add a false', 'sync'])
})

t.test('a watch that ends goes on where it was, by events and by bookmarks', async t => {
  const { told, asked } = await follow(t, {
    lists: [list(5)],
    watches: [
      (_, response) => {
        send(response, 'ADDED', pod('a', 6))
        response.end()
      },
      (_, response) => {
        send(response, 'BOOKMARK', bookmark(50))
        response.end()
      },
    ],
  })
  await until(() => asked('watch').length === 3)
  t.same(
    asked('watch').map(({ query }) => query['resourceVersion']),
    ['5', '6', '50'],
  )
  t.equal(asked('list').length, 1)
  t.same(told, ['sync', 'add a true'])
})

const endings: [string, Handler][] = [
  ['410 as an answer', (_, response) => refuse(response, 410, { reason: 'Expired' })],
  [
    '410 as an event',
    (_, response) => {
      send(response, 'BOOKMARK', bookmark(6))
      send(response, 'ERROR', { kind: 'Status', code: 410, reason: 'Expired' })
    },
  ],
]
for (const [why, handler] of endings) {
  t.test(`${why}: what changed meanwhile is told as if it had been seen`, async t => {
    const { reflector, told, asked } = await follow(t, {
      lists: [list(5, pod('a', 1), pod('b', 2)), list(9, pod('b', 8), pod('c', 9))],
      watches: [handler],
    })
    await until(() => asked('watch').length === 2)
    t.same(told.slice(3), ['delete a', 'update b 8', 'add c true', 'sync'])
    t.same([...reflector.store.keys()].toSorted(), ['b', 'c'])
    t.equal(asked('watch')[1]?.query['resourceVersion'], '9')
  })
}

const faults: [string, Handler][] = [
  ['cut within a line', (_, response) => response.end('{"type":"ADDED","obj')],
  [
    'a connection that breaks',
    (_, response) => response.write('{"type"', () => response.socket?.end()),
  ],
  ['a line that is not JSON', (_, response) => response.write('not json\n')],
  ['an event of an unknown type', (_, response) => send(response, 'SURPRISE', {})],
  ['an event about nothing', (_, response) => send(response, 'ADDED', {})],
  ['null for an event', (_, response) => response.write('null\n')],
  ['a server error', (_, response) => refuse(response, 500)],
  ['a refusal', (_, response) => refuse(response, 403)],
  ['an ERROR event', (_, response) => send(response, 'ERROR', { code: 500, message: 'etcd' })],
  ['an end at once', (_, response) => response.end()],
]
for (const [why, handler] of faults) {
  t.test(`${why}: the watch is opened again after a pause, and nothing is lost`, async t => {
    const clock = new HastyClock()
    const script = {
      lists: [list(5)],
      watches: [
        handler,
        handler,
        (_, response) => send(response, 'ADDED', pod('a', 6)),
      ] as Handler[],
    }
    const { told, asked } = await follow(t, script, { clock })
    await until(() => told.includes('add a true'))
    t.equal(asked('list').length, 1)
    t.same(
      asked('watch').map(({ query }) => query['resourceVersion']),
      ['5', '5', '5'],
    )
    t.same(
      clock.slept.filter(ms => ms < 60_000),
      [750, 1500],
      'growing pauses',
    )
  })
}

t.test('a version that watches fail with again and again is given up for a new list', async t => {
  const broken: Handler = (_, response) => refuse(response, 504, { reason: 'Timeout' })
  const { asked } = await follow(t, {
    lists: [list(5), list(2)],
    watches: [broken, broken, broken],
  })
  await until(() => asked('watch').length === 4)
  t.same(
    asked('watch').map(({ query }) => query['resourceVersion']),
    ['5', '5', '5', '2'],
  )
})

t.test('lists are tried until one succeeds, with growing pauses up to a cap', async t => {
  const clock = new HastyClock()
  const failing = Array.from({ length: 12 }, (): Handler => (_, response) => refuse(response, 500))
  const { reflector } = await follow(t, { lists: [...failing, list(1)], watches: [] }, { clock })
  t.equal(await reflector.whenSynced(), true)
  t.same(clock.slept.slice(0, 3), [750, 1500, 3000])
  t.equal(Math.max(...clock.slept.slice(0, 12)), 22_500)
})

t.test('the API server is given the time that it asks for', async t => {
  const clock = new HastyClock()
  const busy: Handler = (_, response) => {
    response.setHeader('retry-after', '7')
    refuse(response, 429)
  }
  const { reflector } = await follow(t, { lists: [busy, list(1)], watches: [] }, { clock })
  await reflector.whenSynced()
  t.equal(clock.slept[0], 7000)
})

t.test('a watch that falls silent is cut and opened again', async t => {
  const clock = new HandClock()
  const responses: ServerResponse[] = []
  const silent: Handler = (_, response) => {
    response.flushHeaders()
    responses.push(response)
  }
  const given = { clock, freshnessMs: 90_000 }
  const { reflector, told, asked } = await follow(t, { lists: [list(5)], watches: [silent] }, given)
  await until(() => responses.length === 1 && clock.sleeping === 1)
  clock.advance(80_000)
  const opened = reflector.lastFresh
  send(responses[0] as ServerResponse, 'BOOKMARK', bookmark(7))
  await until(() => reflector.lastFresh > opened)
  clock.advance(20_000)
  await until(() => clock.sleeping === 1)
  t.equal(asked('watch').length, 1, 'a bookmark is a sign of life')
  clock.advance(70_000)
  await until(() => clock.sleeping === 1 && clock.slept.at(-1) === 375)
  clock.advance(375)
  await until(() => asked('watch').length === 2)
  t.equal(asked('watch')[1]?.query['resourceVersion'], '7')
  t.same(told, ['sync'])
})

t.test('a handler that throws or rejects is logged, and the others go on', async t => {
  let logged = ''
  const sink = new Writable({
    write(chunk, _, done) {
      logged += String(chunk)
      done()
    },
  })
  const names: unknown[] = []
  const script = { lists: [list(5, pod('a', 1), pod('b', 2), pod('c', 3))], watches: [] }
  const { reflector } = await follow(t, script, {
    log: makeLog('info', sink),
    onAdd: ({ metadata }) => {
      names.push(metadata?.name)
      if (metadata?.name === 'a') throw new Error('thrown by a')
      return metadata?.name === 'b' ? Promise.reject(new Error('rejected by b')) : undefined
    },
  })
  await reflector.whenSynced()
  await until(() => logged.includes('rejected by b'))
  t.match(logged, 'thrown by a')
  t.same(names, ['a', 'b', 'c'])
})

t.test('managed fields are dropped, and what the caller trims', async t => {
  const heavy = {
    ...pod('a', 1, { managedFields: [{ manager: 'kubectl' }] }),
    status: { phase: 'Running' },
  }
  const script = {
    lists: [list(5, heavy)],
    watches: [
      ((_, response) => send(response, 'ADDED', pod('b', 6, { managedFields: [{}] }))) as Handler,
    ],
  }
  const { reflector, told } = await follow(t, script, {
    trim: ({ metadata }) => ({ metadata }),
  })
  await until(() => told.includes('add b true'))
  for (const name of ['a', 'b']) {
    t.equal(reflector.store.get(name)?.metadata?.managedFields, undefined)
  }
  t.equal(reflector.store.get('a')?.status, undefined)
})

t.test('it ends when it is told to, in a list, a watch or a pause', async t => {
  const waiting: Handler = () => undefined
  const inList = await follow(t, { lists: [waiting], watches: [] })
  await until(() => inList.asked('list').length === 1)
  inList.stop.abort()
  await inList.running
  t.equal(await inList.reflector.whenSynced(), false)
  const inWatch = await follow(t, { lists: [list(1)], watches: [] })
  await until(() => inWatch.asked('watch').length === 1)
  inWatch.stop.abort()
  await inWatch.running
  const clock = new HandClock()
  const failing: Handler = (_, response) => refuse(response, 500)
  const inPause = await follow(t, { lists: [failing], watches: [] }, { clock })
  await until(() => clock.sleeping === 1)
  inPause.stop.abort()
  await inPause.running
  t.equal(clock.sleeping, 0)
})
