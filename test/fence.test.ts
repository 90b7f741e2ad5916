import { getEventListeners } from 'node:events'
import { Readable } from 'node:stream'
import { Agent, request, type Dispatcher } from 'undici'
import t from 'tap'
import { Fence, FencedError, isFenced, openFence, steadyClock } from '../lib/fence.js'
import { loopback, reply, until } from './cluster-client/loopback.js'

interface Test {
  teardown(end: () => unknown): void
}

/** A fence by a clock that the test moves, and requests through it: all but GETs are guarded. */
function fenced(t: Test, { connections = 4 } = {}) {
  const hand = { now: 1_000 }
  const fence = new Fence(() => hand.now)
  const pool = new Agent({ connections, pipelining: 1 })
  t.teardown(() => pool.destroy())
  t.teardown(() => fence.close())
  const dispatcher = pool.compose(fence.interceptor(({ method }) => method !== 'GET'))
  return { hand, fence, dispatcher, pool }
}

const put = (url: string, dispatcher: Dispatcher, more: Partial<Dispatcher.RequestOptions> = {}) =>
  request(url, { method: 'PUT', body: 'x', dispatcher, ...more })

async function failure(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  )
}

t.test('a fence is closed until it is extended, and again when its moment has passed', async t => {
  const { fence, hand } = fenced(t)
  t.notOk(fence.open)
  fence.extend(2_000)
  t.ok(fence.open)
  hand.now = 2_000
  t.notOk(fence.open, 'no timer is needed for it')
  fence.extend(3_000)
  fence.close()
  t.notOk(fence.open)
})

t.test('a moment further off than timers can wait for is waited for', async t => {
  const warned: Error[] = []
  const note = (warning: Error) => warned.push(warning)
  process.on('warning', note)
  t.teardown(() => process.off('warning', note))
  const { fence } = fenced(t)
  fence.extend(1_000 + 2 ** 40)
  await new Promise(resolve => setTimeout(resolve, 5))
  t.ok(fence.open)
  t.same(warned, [])
})

t.test('the clock of a fence goes on, in milliseconds', async t => {
  const now = steadyClock()
  const from = now()
  await new Promise(resolve => setTimeout(resolve, 60))
  const passed = now() - from
  t.ok(passed >= 50 && passed < 30_000, `${passed} ms`)
})

t.test('the clock counts the sleep of the machine, and no correction of the time', t => {
  const hand = { monotonic: 5, wall: 1e12, boot: 70 }
  let asked = 0
  const now = steadyClock({
    monotonic: () => hand.monotonic,
    wall: () => hand.wall,
    boot: () => {
      asked++
      return hand.boot
    },
  })
  const start = now()
  const pass = (monotonic: number, wall = monotonic, boot = monotonic) => {
    hand.monotonic += monotonic
    hand.wall += wall
    hand.boot += boot
    return now() - start
  }
  t.equal(pass(1_000), 1_000)
  t.equal(asked, 1, 'it is asked for when there is a reason')
  t.equal(pass(0, 60_000, 60_000), 61_000, 'a sleep of a minute')
  t.equal(pass(0, 3_600_000, 0), 61_000, 'the time of day is put forward')
  t.equal(pass(0, -9_000_000, 0), 61_000, 'and back')
  t.equal(pass(10, 10_000, 3), 61_010, 'it never goes back')
  t.end()
})

t.test('who waits for the fence goes on when it opens', async t => {
  const { fence } = fenced(t)
  let passed = 0
  const all = [fence.pass(), fence.pass(new AbortController().signal)].map(one =>
    one.then(() => passed++),
  )
  await new Promise(setImmediate)
  t.equal(passed, 0)
  fence.extend(2_000)
  await Promise.all(all)
  await fence.pass()
})

t.test('who waits goes on waiting when the fence closes again at once', async t => {
  const { fence } = fenced(t)
  let passed = false
  const waiting = fence.pass().then(() => (passed = true))
  fence.extend(2_000)
  fence.close()
  await new Promise(setImmediate)
  t.notOk(passed)
  fence.extend(500)
  await new Promise(setImmediate)
  t.notOk(passed, 'nor does a moment that is over let anybody through')
  fence.extend(2_000)
  await waiting
})

t.test('an abort ends the waiting with its own reason', async t => {
  const { fence } = fenced(t)
  const stop = new AbortController()
  const mine = new Error('enough')
  const waiting = failure(fence.pass(stop.signal))
  stop.abort(mine)
  t.equal(await waiting, mine)
  t.equal(await failure(fence.pass(stop.signal)), mine)
})

t.test('waiting many times leaves no listener on the signal', async t => {
  const { fence } = fenced(t)
  const { signal } = new AbortController()
  for (let n = 0; n < 50; n++) {
    const waiting = fence.pass(signal)
    fence.extend(2_000)
    await waiting
    fence.close()
  }
  t.equal(getEventListeners(signal, 'abort').length, 0)
})

t.test('while the fence is closed nothing guarded reaches the wire, and the rest does', async t => {
  const server = await loopback(t, (_, response) => reply(response, 200, {}))
  const { dispatcher } = fenced(t)
  const error = await failure(put(server.url, dispatcher))
  t.ok(error instanceof FencedError, String(error))
  const answer = await request(server.url, { dispatcher })
  await answer.body.dump()
  t.same(
    server.asked.map(({ method }) => method),
    ['GET'],
  )
})

t.test('a request that waited for a connection is looked at when it is sent', async t => {
  let first: (() => void) | undefined
  const server = await loopback(t, (_, response) => {
    first = () => reply(response, 200, {})
  })
  const { fence, hand, dispatcher } = fenced(t, { connections: 1 })
  fence.extend(2_000)
  const get = request(server.url, { dispatcher }).then(answer => answer.body.dump())
  await until(() => server.asked.length === 1)
  const late = failure(put(server.url, dispatcher))
  // As after a stall: the moment is over, and no timer has told anybody.
  hand.now = 2_000
  first?.()
  await get
  t.ok((await late) instanceof FencedError)
  t.equal(server.asked.length, 1)
})

t.test(
  'what is under way when the fence closes is cut off, before or within its answer',
  async t => {
    const server = await loopback(t, ({ path }, response) => {
      if (path === '/body') response.writeHead(200).write('{')
    })
    const { fence, dispatcher } = fenced(t)
    fence.extend(2_000)
    const silent = failure(put(`${server.url}/silent`, dispatcher))
    const answer = await put(`${server.url}/body`, dispatcher)
    await until(() => server.asked.length === 2)
    const body = failure(answer.body.text())
    fence.close()
    t.ok((await silent) instanceof FencedError)
    t.ok(isFenced(await body))
  },
)

t.test('what is under way is cut off when the moment passes by itself', async t => {
  const server = await loopback(t, () => undefined)
  const fence = new Fence()
  const pool = new Agent()
  t.teardown(() => pool.destroy())
  const dispatcher = pool.compose(fence.interceptor(() => true))
  fence.extend(fence.now() + 60_000)
  const sent = failure(put(server.url, dispatcher))
  await until(() => server.asked.length === 1)
  fence.extend(fence.now() + 20)
  t.ok((await sent) instanceof FencedError)
})

t.test(
  'a body that streams is ended with the request, and what comes after it goes through',
  async t => {
    const server = await loopback(t, (_, response) => reply(response, 200, {}))
    const { fence, dispatcher } = fenced(t)
    const closed = new Readable({ read() {} })
    const closing = new Promise(resolve => closed.once('close', resolve))
    t.ok((await failure(put(server.url, dispatcher, { body: closed }))) instanceof FencedError)
    await closing
    fence.extend(2_000)
    const body = new Readable({ read() {} })
    const cut = failure(put(server.url, dispatcher, { body }))
    body.push('begun')
    await until(() => server.connections() > 0)
    await new Promise(setImmediate)
    fence.close()
    t.ok((await cut) instanceof FencedError)
    fence.extend(2_000)
    const answer = await put(server.url, dispatcher)
    t.equal(answer.statusCode, 200)
    await answer.body.dump()
  },
)

t.test(
  'a request that its sender aborts has that reason, also when the fence closes then',
  async t => {
    const server = await loopback(t, () => undefined)
    const { fence, dispatcher } = fenced(t)
    fence.extend(2_000)
    const stop = new AbortController()
    const mine = new Error('enough')
    const sent = failure(put(server.url, dispatcher, { signal: stop.signal }))
    await until(() => server.asked.length === 1)
    stop.abort(mine)
    fence.close()
    t.equal(await sent, mine)
    const other = new AbortController()
    fence.extend(2_000)
    const second = failure(put(server.url, dispatcher, { signal: other.signal }))
    await until(() => server.asked.length === 2)
    fence.close()
    other.abort(mine)
    t.ok((await second) instanceof FencedError)
  },
)

t.test('requests that are over are forgotten: closing does not cut their connection', async t => {
  const server = await loopback(t, (_, response) => reply(response, 200, { ok: true }))
  const { fence, dispatcher } = fenced(t, { connections: 1 })
  for (let n = 0; n < 5; n++) {
    fence.extend(2_000)
    const answer = await put(server.url, dispatcher)
    t.same(await answer.body.json(), { ok: true })
    fence.close()
  }
  t.equal(server.connections(), 1)
})

t.test('an open fence is open for good', async t => {
  const fence = openFence()
  t.ok(fence.open)
  await fence.pass()
})

t.test('a fenced request is told by its error or what caused it', t => {
  t.ok(isFenced(new FencedError()))
  t.ok(isFenced(new Error('outer', { cause: new Error('x', { cause: new FencedError() }) })))
  t.notOk(isFenced(new Error('other')))
  t.notOk(isFenced('text'))
  t.end()
})
