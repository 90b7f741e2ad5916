import t from 'tap'
import { HandClock, HastyClock } from '../cluster-client/hand-clock.js'
import { until } from '../cluster-client/loopback.js'
import type { ChunkNumbers } from '../../lib/gateway/splice.js'
import type { Run } from '../../lib/run/run.js'
import { connection, failure, nowhere } from '../upstream/scripted.js'
import { jobUpstream, opening, payload, runAt, tiled } from './run-of.js'

const oom = {
  cause: 'OOMKilled',
  message: 'one\ntwo',
  exitStatus: -1,
  signalReason: 'agent_stop',
} as const
const reported = { exit_status: '7', signal: '', chunks_failed_count: 0, extra: true }

/** A chunk of the pod's goes upstream. */
function took(run: Run, chunk: ChunkNumbers) {
  run.chunkBegan(chunk)
  run.chunkEnded(chunk, 'taken')
}

/** Answers with these statuses in turn, then with 200; only to what ends so. */
function failing(end: string, ...statuses: number[]) {
  const left = [...statuses]
  return ({ path }: { path: string }) => {
    const status = path.split('?')[0]?.endsWith(end) ? left.shift() : undefined
    return status === undefined ? undefined : { status }
  }
}

t.test("a pod's finish ends the run, with its words and its exit status", async t => {
  const upstream = await jobUpstream(t)
  const { run } = runAt(t, upstream.endpoint)
  t.same(await run.finishFromPod(reported), { state: 'done' })
  t.match(await run.ended, { by: 'pod', exitStatus: 7 })
  t.same(upstream.finishes(), [reported])
  t.ok(run.over)
  t.ok(run.signal.aborted)
})

const deadline = {
  cause: 'DeadlineExceeded',
  fault: 'job',
  message: 'too long',
  lines: ['+++ Job spawner: DeadlineExceeded', 'too long'],
} as const
const killed = {
  ...deadline,
  cause: 'OOMKilled',
  lines: ['+++ Job spawner: OOMKilled', 'it took 128Mi'],
  amend: { exit_status: '137', signal: 'SIGKILL' },
}

t.test('what the cluster knows of an end stands in the log before the finish', async t => {
  const upstream = await jobUpstream(t, failing('/finish', 503))
  const { run } = runAt(t, upstream.endpoint, { explain: async () => deadline })
  run.resume()
  const stopped = { ...reported, exit_status: '-1', signal_reason: 'agent_stop' }
  t.same(await run.finishFromPod(stopped), { state: 'done' })
  t.match(await run.ended, { by: 'pod', exitStatus: -1, cause: 'DeadlineExceeded', fault: 'job' })
  t.match(tiled(upstream.chunks()), /^first\n[^]*DeadlineExceeded[^]*too long/)
  t.equal(upstream.chunks().length, 2, 'said once, however often the pod asks')
  t.same(upstream.finishes().at(-1), stopped, 'and the finish is its own')
})

t.test('why a pod was stopped is said beside a log whose end nobody knows', async t => {
  const upstream = await jobUpstream(t)
  const explain = async () => ({ cause: 'EvictionByEvictionAPI', message: 'drained', lines: [] })
  const { run } = runAt(t, upstream.endpoint, { explain, restored: true })
  const stopped = { ...reported, signal_reason: 'agent_stop' }
  t.same(await run.finishFromPod(stopped), { state: 'done' })
  t.same(upstream.chunks(), [])
  t.match(upstream.annotations(), [{ body: /EvictionByEvictionAPI[^]*drained/ }])
})

t.test('an end that the cluster knows no more of has nothing of ours behind its lines', async t => {
  const upstream = await jobUpstream(t)
  const { run } = runAt(t, upstream.endpoint, { explain: async () => undefined })
  t.same(await run.finishFromPod(reported), { state: 'done' })
  t.same(upstream.chunks(), [])
  t.same(upstream.finishes(), [reported])
})

t.test('a kill that the agent has not seen goes upstream as what it was, once', async t => {
  const upstream = await jobUpstream(t, failing('/finish', 503, 503))
  const { run, kept } = runAt(t, upstream.endpoint, { explain: async () => killed })
  run.resume()
  const lost = { ...reported, exit_status: '255', signal_reason: 'agent_stop' }
  const right = { ...reported, exit_status: '137', signal: 'SIGKILL' }
  t.same(await Promise.all([run.finishFromPod(lost), run.finishFromPod(lost)]), [
    { state: 'done' },
    { state: 'done' },
  ])
  t.match(await run.ended, { by: 'pod', exitStatus: 137, cause: 'OOMKilled', fault: 'job' })
  t.same(kept.at(-1)?.reported, right, 'durable as it is sent')
  t.same(upstream.finishes(), Array(3).fill(right))
  t.match(tiled(upstream.chunks()), /^first\n[^]*it took 128Mi\r\n$/)
})

t.test('an explanation that fails leaves the finish as it is', async t => {
  const upstream = await jobUpstream(t)
  const explain = () => Promise.reject(new Error('a fault of ours'))
  const { run } = runAt(t, upstream.endpoint, { explain })
  t.same(await run.finishFromPod(reported), { state: 'done' })
  t.same(upstream.finishes(), [reported])
})

t.test('while an end is being explained no verdict of ours overtakes it', async t => {
  const upstream = await jobUpstream(t)
  let answer = (_told: typeof killed) => {}
  const explain = () => new Promise<typeof killed>(resolve => (answer = resolve))
  const { run } = runAt(t, upstream.endpoint, { explain })
  run.resume()
  const finish = run.finishFromPod({ ...reported, exit_status: '-7' })
  const end = run.end(oom)
  await new Promise(resolve => setTimeout(resolve, 10))
  t.same(upstream.finishes(), [])
  answer(killed)
  t.same(await finish, { state: 'done' })
  await end
  t.match(await run.ended, { by: 'pod', exitStatus: 137 })
  t.equal(upstream.finishes().length, 1)
})

t.test('upstream that takes no stack_error from an agent gets process_run_error', async t => {
  const never = { ...oom, signalReason: 'stack_error', fault: 'cluster' } as const
  for (const status of [400, 422]) {
    const words: unknown[] = []
    const upstream = await jobUpstream(t, ({ path, json }) => {
      if (!path.endsWith('/finish')) return undefined
      const { signal_reason: word } = json as { signal_reason?: string }
      words.push(word)
      return word === 'stack_error' ? { status } : undefined
    })
    const { run } = runAt(t, upstream.endpoint)
    await run.end(never)
    t.same(words, ['stack_error', 'process_run_error'])
    t.match(await run.ended, { by: 'spawner', cause: 'OOMKilled', fault: 'cluster' })
  }
})

t.test('one that takes it, or has taken it, gets no second finish', async t => {
  const never = { ...oom, signalReason: 'stack_error' } as const
  const taken = await jobUpstream(t)
  await runAt(t, taken.endpoint).run.end(never)
  t.match(taken.finishes(), [{ signal_reason: 'stack_error' }])
  for (const said of [{ json: { state: 'finished' } }, { status: 401 }]) {
    // The answer to the first was lost; upstream says that there is nothing to finish.
    const upstream = await jobUpstream(t, ({ path, method }) => {
      if (path.endsWith('/finish')) return { status: 422 }
      return method === 'GET' ? said : undefined
    })
    const { run } = runAt(t, upstream.endpoint)
    await run.end(never)
    t.equal(upstream.finishes().length, 1)
    t.match(await run.ended, { by: 'upstream' })
  }
})

t.test('whether a refusal was for the word is asked for as long as it takes', async t => {
  let away = 3
  const upstream = await jobUpstream(t, ({ path, method, json }) => {
    if (method === 'GET') return away-- > 0 ? { status: 503 } : undefined
    const isWord = path.endsWith('/finish') && JSON.stringify(json).includes('stack_error')
    return isWord ? { status: 422 } : undefined
  })
  const { run } = runAt(t, upstream.endpoint, { clock: new HastyClock(14_000) })
  await run.end({ ...oom, signalReason: 'stack_error' })
  t.match(await run.ended, { by: 'spawner' })
  t.equal(upstream.finishes().length, 2)
})

t.test('however often and by whomever a run is ended, it is finished once', async t => {
  const upstream = await jobUpstream(t)
  const { run } = runAt(t, upstream.endpoint)
  const outcomes = await Promise.all([
    run.end(oom),
    run.finishFromPod(reported),
    run.end({ ...oom, cause: 'Evicted' }),
    run.finishFromPod(reported),
  ])
  t.equal(upstream.finishes().length, 1)
  t.match(await run.ended, { by: 'spawner', cause: 'OOMKilled', exitStatus: -1 })
  t.same(outcomes[1], { state: 'over' })
  await run.end(oom)
  t.same(await run.finishFromPod(reported), { state: 'over' })
  t.equal(upstream.finishes().length, 1)
})

t.test('a finish that is under way goes before our verdict', async t => {
  let release = () => {}
  const upstream = await jobUpstream(t, ({ path }) =>
    path.endsWith('/finish')
      ? new Promise(resolve => (release = () => resolve({ json: {} })))
      : undefined,
  )
  const { run } = runAt(t, upstream.endpoint)
  const finish = run.finishFromPod(reported)
  await until(() => upstream.finishes().length === 1)
  const ends = [run.end(oom), run.end(oom)]
  const again = run.finishFromPod(reported)
  release()
  t.same(await Promise.all([finish, again]), [{ state: 'done' }, { state: 'done' }])
  await Promise.all(ends)
  t.match(await run.ended, { by: 'pod', exitStatus: 7 })
  t.equal(upstream.finishes().length, 1)
  t.same(upstream.chunks(), [], 'and no line of ours')
})

t.test('a finish that upstream does not take yet is written down, and the pod let go', async t => {
  const upstream = await jobUpstream(t, failing('/finish', 503, 503, 429))
  const { run, kept } = runAt(t, upstream.endpoint)
  t.same(await run.finishFromPod(reported), { state: 'done' })
  t.same(kept.at(-1)?.reported, reported, 'durable before the pod is told')
  t.ok(run.over, 'nothing of the pod is waited for any more')
  t.ok(run.letGo)
  t.match(await run.ended, { by: 'pod', exitStatus: 7 })
  t.same(upstream.finishes(), Array(4).fill(reported))
})

t.test('an upstream that does not answer keeps no pod waiting', async t => {
  let release = () => {}
  const upstream = await jobUpstream(t, ({ path }) =>
    path.endsWith('/finish')
      ? new Promise(resolve => (release = () => resolve({ json: {} })))
      : undefined,
  )
  const { run, kept, clock } = runAt(t, upstream.endpoint)
  const told = run.finishFromPod(reported)
  await until(() => upstream.finishes().length === 1)
  t.same(kept, [])
  clock.advance(15_000)
  t.same(await told, { state: 'done' })
  t.same(kept.at(-1)?.reported, reported)
  t.equal(run.ending, undefined)
  t.same(await run.finishFromPod(reported), { state: 'done' }, 'also when it asks again')
  release()
  t.match(await run.ended, { by: 'pod', exitStatus: 7 })
  t.equal(upstream.finishes().length, 1)
})

t.test('a finish that the ledger does not take is for the pod to send again', async t => {
  const upstream = await jobUpstream(t, failing('/finish', 503, ...Array<number>(4).fill(503)))
  const clock = new HandClock()
  const keep = () => Promise.reject(new Error('no ledger'))
  const { run } = runAt(t, upstream.endpoint, { keep, clock, connection: connection(t, clock) })
  t.same(await run.finishFromPod(reported), { state: 'passing' })
  t.notOk(run.over, 'the run goes on: chunks may still come')
  t.same(await run.finishFromPod(reported), { state: 'passing' })
  while (!run.ending) {
    clock.advance(5_000)
    await new Promise(resolve => setTimeout(resolve, 2))
  }
  t.match(run.ending, { by: 'pod', exitStatus: 7 }, 'and we go on all the same')
})

t.test('what a pod has reported is delivered by the next process', async t => {
  const upstream = await jobUpstream(t, failing('/finish', 503))
  const state = { opening, reported }
  const { run } = runAt(t, upstream.endpoint, { restored: true, state })
  t.ok(run.resumeFinish())
  t.ok(run.letGo)
  t.same(await run.finishFromPod(reported), { state: 'done' }, 'the pod may ask again')
  t.match(await run.ended, { by: 'pod', exitStatus: 7 })
  t.same(upstream.finishes(), [reported, reported])
  t.same(upstream.chunks(), [])
  t.notOk(runAt(t, upstream.endpoint, { restored: true }).run.resumeFinish())
})

t.test(
  'a job that its agent stopped was cancelled or timed out, and has not just failed',
  async t => {
    for (const [state, cause] of [
      ['canceling', 'JobCancelled'],
      ['timing_out', 'JobTimedOut'],
      ['running', 'JobCancelled'],
    ] as const) {
      const upstream = await jobUpstream(t)
      const { run } = runAt(t, upstream.endpoint)
      run.stateSeen(state)
      await run.finishFromPod({ ...reported, signal_reason: 'cancel' })
      t.same(await run.ended, { by: 'pod', exitStatus: 7, cause, cancelled: true }, state)
    }
  },
)

t.test(
  'lines about an end are told by the next process, with the same bytes and the cause',
  async t => {
    const away = await jobUpstream(t, ({ path }) =>
      /finish|chunks/.test(path) ? { status: 503 } : undefined,
    )
    const first = runAt(t, away.endpoint, { explain: async () => killed })
    took(first.run, { sequence: 2, offset: 6, size: 4 })
    void first.run.finishFromPod({ ...reported, exit_status: '255' })
    await until(() => first.noted.some(({ reported }) => reported))
    await first.run.handOver()
    const state = first.kept.at(-1)
    if (!state) return t.fail('nothing is handed over')

    const upstream = await jobUpstream(t)
    const { run } = runAt(t, upstream.endpoint, { restored: true, state })
    t.ok(run.resumeFinish())
    t.match(await run.ended, { by: 'pod', exitStatus: 137, cause: 'OOMKilled', fault: 'job' })
    const [chunk] = upstream.chunks()
    t.match(chunk, { sequence: 3, offset: 10, text: /OOMKilled[^]*it took 128Mi/ })
    t.equal(chunk?.text, state.told?.chunk?.text)
    t.match(upstream.calls().at(-1), /finish$/, 'before the finish')
  },
)

t.test('what the pod has reported beats what we conclude when it dies over it', async t => {
  const upstream = await jobUpstream(t, failing('/finish', 503, 503, 429))
  const { run } = runAt(t, upstream.endpoint)
  await Promise.all([run.finishFromPod(reported), run.end(oom)])
  t.match(await run.ended, { by: 'pod', exitStatus: 7 })
  t.same(upstream.finishes(), Array(4).fill(reported))
  t.same(upstream.chunks(), [])
})

t.test('an upstream that is down for more than an hour gets its finish all the same', async t => {
  for (const isReported of [true, false]) {
    const statuses = Array<number>(75).fill(503)
    const upstream = await jobUpstream(t, failing('/finish', ...statuses))
    const { run } = runAt(t, upstream.endpoint)
    if (isReported) await run.finishFromPod(reported)
    await run.end(oom)
    t.match(await run.ended, isReported ? { by: 'pod', exitStatus: 7 } : { by: 'spawner' })
    t.equal(new Set(upstream.finishes().map(body => JSON.stringify(body))).size, 1)
  }
})

t.test('a finish that upstream refuses means that the job is over', async t => {
  for (const status of [422, 401, 404]) {
    const upstream = await jobUpstream(t, failing('/finish', status))
    const { run } = runAt(t, upstream.endpoint)
    t.same(await run.finishFromPod(reported), { state: 'refused', status })
    t.match(await run.ended, { by: 'upstream', exitStatus: undefined })
    const second = runAt(t, (await jobUpstream(t, failing('/finish', status))).endpoint).run
    await second.end(oom)
    t.match(await second.ended, { by: 'upstream' })
  }
})

t.test('our closing lines come after our own when no pod has written', async t => {
  const upstream = await jobUpstream(t)
  const { run, clock } = runAt(t, upstream.endpoint)
  await run.begin()
  await run.say(['waiting'])
  await run.end(oom)
  const log = tiled(upstream.chunks())
  t.ok(log, JSON.stringify(upstream.chunks()))
  t.match(log, /^first\n.*waiting\r\n.*\+\+\+ Job spawner: OOMKilled\r\n.*one\r\n.*two\r\n$/s)
  t.same(upstream.finishes(), [
    {
      exit_status: '-1',
      signal_reason: 'agent_stop',
      finished_at: new Date(clock.now()).toISOString(),
      chunks_failed_count: 0,
    },
  ])
  const order = upstream.calls()
  t.ok(order.findLastIndex(call => call.endsWith('/chunks')) < order.length - 1)
  t.match(order.at(-1), /\/finish$/, 'the finish comes last')
})

t.test('lines that wait for their turn when the run is closed do not take its place', async t => {
  let release = () => {}
  const upstream = await jobUpstream(t, ({ path }) =>
    path.includes('/chunks?sequence=1&')
      ? new Promise(resolve => (release = () => resolve({ json: {} })))
      : undefined,
  )
  const { run } = runAt(t, upstream.endpoint)
  await run.begin()
  const said = run.say(['waiting'])
  await until(() => upstream.chunks().length === 1)
  const end = run.end(oom)
  await new Promise(resolve => setImmediate(resolve))
  release()
  await Promise.all([said, end])
  const sequences = upstream.chunks().map(({ sequence }) => sequence)
  t.same(sequences, [...new Set(sequences)], 'no number twice')
  t.match(tiled(upstream.chunks()), /^first\n[^]*OOMKilled/)
})

t.test("our closing lines come after the pod's chunks, however those came", async t => {
  const upstream = await jobUpstream(t)
  const { run } = runAt(t, upstream.endpoint)
  await run.begin()
  t.same(await run.opening(), { sequence: 1, offset: 6 })
  took(run, { sequence: 3, offset: 10, size: 5 })
  took(run, { sequence: 2, offset: 6, size: 4 })
  await run.end(oom)
  t.match(upstream.chunks().at(-1), { sequence: 4, offset: 15, text: /OOMKilled/ })
  t.same(upstream.annotations(), [])
})

t.test(
  'after a restart nobody knows where the log stands: an annotation takes its place',
  async t => {
    const upstream = await jobUpstream(t)
    const { run } = runAt(t, upstream.endpoint, { restored: true })
    run.resume()
    await run.end(oom)
    t.same(upstream.chunks(), [{ sequence: 1, offset: 0, text: opening.text }])
    t.match(upstream.annotations(), [{ body: /OOMKilled[^]*one\ntwo/ }])
    t.match(upstream.finishes(), [{ exit_status: '-1' }])
  },
)

t.test('a position that was handed over is written behind', async t => {
  const upstream = await jobUpstream(t)
  const state = { opening, cursor: { sequence: 9, offset: 900 } }
  const { run } = runAt(t, upstream.endpoint, { restored: true, state })
  await run.end(oom)
  t.match(upstream.chunks(), [{ sequence: 10, offset: 900 }])
  t.same(upstream.annotations(), [])
})

t.test('a pod that never ran has written nothing, also to a log that we do not know', async t => {
  const upstream = await jobUpstream(t)
  const { run } = runAt(t, upstream.endpoint, { restored: true })
  await run.end({ ...oom, signalReason: 'process_run_error' })
  t.match(upstream.chunks(), [{ sequence: 2, offset: 6 }])
  const seen = runAt(t, upstream.endpoint, { restored: true }).run
  seen.podConnected({ hostname: 'x' })
  await seen.end({ ...oom, signalReason: 'process_run_error' })
  t.equal(upstream.annotations().length, 1, 'but one that connected may have')
})

t.test('an annotation that is refused does not keep the run from ending', async t => {
  const upstream = await jobUpstream(t, failing('/annotations', 422))
  const { run } = runAt(t, upstream.endpoint, { restored: true })
  await run.end(oom)
  t.equal(upstream.finishes().length, 1)
})

t.test('lines that are refused do not either', async t => {
  const upstream = await jobUpstream(t, failing('/chunks', 400))
  const { run } = runAt(t, upstream.endpoint)
  await run.end(oom)
  t.equal(upstream.finishes().length, 1)
})

t.test('how a run is closed is durable before it is sent', async t => {
  const upstream = await jobUpstream(t)
  const calls: number[] = []
  const keep = async () => void calls.push(upstream.got.length)
  const { run } = runAt(t, upstream.endpoint, { keep })
  await run.end(oom)
  t.same(calls, [0])
})

t.test('a crash in the middle of closing is made good with the same bytes', async t => {
  const upstream = await jobUpstream(t)
  const first = runAt(t, upstream.endpoint)
  await first.run.end(oom)
  const state = first.kept.at(-1)
  t.ok(state?.closing)
  const second = runAt(t, upstream.endpoint, { state, restored: true })
  second.clock.advance(60_000)
  await second.run.end({ ...oom, cause: 'another' })
  const [one, two] = upstream.finishes()
  t.same(one, two)
  const [, lines, again] = upstream.chunks()
  t.same(lines, again)
})

t.test('a ledger that refuses the closing does not keep the job from ending', async t => {
  const upstream = await jobUpstream(t)
  const keep = () => Promise.reject(new Error('too large'))
  const { run } = runAt(t, upstream.endpoint, { keep })
  await run.end(oom)
  t.match(await run.ended, { by: 'spawner' })
  t.match(upstream.chunks().at(-1), { sequence: 2, text: /OOMKilled/ })
})

t.test('once it is being ended, nothing of the pod goes upstream any more', async t => {
  let release = () => {}
  const upstream = await jobUpstream(t, ({ path }) =>
    path.endsWith('/finish')
      ? new Promise(resolve => (release = () => resolve({ json: {} })))
      : undefined,
  )
  const { run } = runAt(t, upstream.endpoint)
  const end = run.end(oom)
  t.ok(run.over, 'at once')
  t.equal(run.ending, undefined)
  t.same(await run.finishFromPod(reported), { state: 'over' })
  await until(() => upstream.finishes().length === 1)
  release()
  await end
  t.ok(run.ending)
})

t.test('the run is left to the next process with the position of its log', async t => {
  const upstream = await jobUpstream(t)
  const { run, kept } = runAt(t, upstream.endpoint)
  await run.begin()
  await run.opening()
  took(run, { sequence: 2, offset: 6, size: 4 })
  await run.handOver()
  t.match(kept.at(-1), { opening, cursor: { sequence: 2, offset: 10 } })
  await run.end(oom)
  t.same(upstream.finishes(), [], 'the next process ends it')
  t.equal(run.ending, undefined)
})

t.test('a position that was handed over is forgotten before the pod writes on', async t => {
  const upstream = await jobUpstream(t)
  const state = { opening, cursor: { sequence: 9, offset: 900 } }
  const { run, kept } = runAt(t, upstream.endpoint, { restored: true, state })
  await Promise.all([run.opening(), run.opening()])
  t.equal(kept.length, 1, 'once')
  t.equal(kept[0]?.cursor, undefined, 'should we crash, nobody writes over what the pod wrote')
  took(run, { sequence: 10, offset: 900, size: 5 })
  await run.end(oom)
  t.match(upstream.chunks(), [{ sequence: 11, offset: 905 }], 'we know it all the same')
})

t.test('a chunk that comes when the run has been handed over is for the next process', async t => {
  const upstream = await jobUpstream(t)
  const { run } = runAt(t, upstream.endpoint)
  await run.handOver()
  await t.rejects(run.opening(), 'the pod is told to come again')
})

t.test('lines that come when the run has been handed over leave its record alone', async t => {
  const upstream = await jobUpstream(t)
  const { run, kept } = runAt(t, upstream.endpoint)
  await run.handOver()
  await run.say(['late'])
  t.equal(kept.length, 1)
  t.same(upstream.chunks(), [])
})

t.test('a run that is handed over without a Job says so', async t => {
  const upstream = await jobUpstream(t)
  const { run, kept, clock } = runAt(t, upstream.endpoint)
  await run.handOver()
  t.equal(kept.at(-1)?.noJobAt, clock.now())
  const made = runAt(t, upstream.endpoint)
  made.run.jobCreated = true
  await made.run.handOver()
  t.equal(made.kept.at(-1)?.noJobAt, undefined)
})

t.test('a run that is handed over while it is being finished is not called ended', async t => {
  const upstream = await jobUpstream(t, failing('/finish', ...Array<number>(9).fill(503)))
  const { run } = runAt(t, upstream.endpoint)
  const end = run.end(oom).catch(() => undefined)
  await until(() => upstream.finishes().length > 1)
  await run.handOver()
  await end
  t.equal(run.ending, undefined)
})

t.test('an unreachable upstream: the pod may go, and the job is not lost', async t => {
  const { run, kept } = runAt(t, await nowhere())
  t.same(await run.finishFromPod(reported), { state: 'done' })
  t.same(kept.at(-1)?.reported, reported)
  t.equal(run.ending, undefined)
  await failure(run.stateUpstream())
  await run.handOver()
})

t.test('without a job token the session token serves', async t => {
  const upstream = await jobUpstream(t)
  const { token: _, ...bare } = { ...runAt(t, upstream.endpoint).run.payload }
  const { run } = runAt(t, upstream.endpoint, { payload: bare })
  t.equal(run.upstream().token, 'session-token')
})

t.test('the job may be acquired until its pod has started it or written to its log', async t => {
  const upstream = await jobUpstream(t)
  const [one, two] = [runAt(t, upstream.endpoint).run, runAt(t, upstream.endpoint).run]
  one.podConnected({ hostname: 'x' })
  t.ok(one.acquirable)
  one.podStarted()
  t.notOk(one.acquirable)
  await two.opening()
  t.notOk(two.acquirable)
})

t.test('our closing lines wait for a chunk that is under way', async t => {
  const upstream = await jobUpstream(t)
  const { run } = runAt(t, upstream.endpoint)
  await run.begin()
  await run.opening()
  const chunk = { sequence: 2, offset: 6, size: 4 }
  run.chunkBegan(chunk)
  const end = run.end(oom)
  await until(() => run.over)
  await new Promise(resolve => setTimeout(resolve, 20))
  t.equal(upstream.chunks().length, 1, 'but for the first lines')
  run.chunkEnded(chunk, 'taken')
  await end
  t.match(upstream.chunks().at(-1), { sequence: 3, offset: 10, text: /OOMKilled/ })
})

t.test('over a chunk that may be there nothing is written: the cause stands beside', async t => {
  const upstream = await jobUpstream(t)
  const { run } = runAt(t, upstream.endpoint)
  await run.opening()
  const chunk = { sequence: 2, offset: 6, size: 4 }
  run.chunkBegan(chunk)
  run.chunkEnded(chunk, 'unknown')
  await run.end(oom)
  t.match(upstream.chunks(), [{ sequence: 1 }])
  t.match(upstream.annotations(), [{ body: /OOMKilled/ }])
  t.match(upstream.finishes(), [{ chunks_failed_count: 0 }])
})

t.test('what is known to be missing from the log is said there, and counted', async t => {
  const upstream = await jobUpstream(t)
  const { run } = runAt(t, upstream.endpoint)
  await run.begin()
  await run.opening()
  for (const [sequence, outcome] of [
    [2, 'refused'],
    [3, 'taken'],
  ] as const) {
    const chunk = { sequence, offset: 6 + (sequence - 2) * 4, size: 4 }
    run.chunkBegan(chunk)
    run.chunkEnded(chunk, outcome)
  }
  await run.end(oom)
  t.match(upstream.chunks().at(-1), { sequence: 4, text: /One piece of this log did not reach/ })
  t.match(upstream.finishes(), [{ chunks_failed_count: 1 }])
})

t.test('a chunk that ends while we hand over is known to the next process', async t => {
  const upstream = await jobUpstream(t)
  const { run, kept } = runAt(t, upstream.endpoint)
  await run.opening()
  const chunk = { sequence: 2, offset: 6, size: 4 }
  run.chunkBegan(chunk)
  const left = run.handOver()
  run.chunkEnded(chunk, 'taken')
  await left
  t.same(kept.at(-1)?.cursor, { sequence: 2, offset: 10 })
})

t.test('one that takes longer leaves the end of the log unknown', async t => {
  const upstream = await jobUpstream(t)
  const { run, kept, clock } = runAt(t, upstream.endpoint)
  await run.opening()
  run.chunkBegan({ sequence: 2, offset: 6, size: 4 })
  const left = run.handOver()
  await until(() => clock.sleeping === 1)
  clock.advance(2_000)
  await left
  t.equal(kept.at(-1)?.cursor, undefined)
})

t.test('a ledger that refuses it does not keep us from handing over', async t => {
  const upstream = await jobUpstream(t)
  const keep = () => Promise.reject(new Error('too large'))
  await runAt(t, upstream.endpoint, { keep }).run.handOver()
})

t.test(
  'lines that upstream refuses for good leave no hole for the pod to write behind',
  async t => {
    const upstream = await jobUpstream(t, ({ path }) =>
      path.includes('sequence=2&') ? { status: 413 } : undefined,
    )
    const { run, noted } = runAt(t, upstream.endpoint)
    await run.begin()
    await run.say(['refused'])
    await until(() => noted.length === 1)
    t.same(await run.opening(), { sequence: 1, offset: 6 })
    t.match(noted, [{ opening: { sequence: 1, bytes: 6 } }])
  },
)

t.test('while a run is being closed, also by an earlier process, no pod gets it', async t => {
  const upstream = await jobUpstream(t)
  const closing = { cause: oom, finishedAt: 1 }
  const { run } = runAt(t, upstream.endpoint, { restored: true, state: { opening, closing } })
  t.ok(run.over, 'before anything is asked')
  t.equal(await run.bindPod({ name: 'p', uid: 'a' }), 'over')
  await run.end(oom)
  t.equal(upstream.finishes().length, 1)
})

t.test('which pod has the run is noted, and nobody is bound when it is handed over', async t => {
  const upstream = await jobUpstream(t)
  const { run, noted, kept } = runAt(t, upstream.endpoint)
  t.equal(await run.bindPod({ name: 'p', uid: 'a' }), 'bound')
  t.ok(run.isPod('a'))
  t.match(noted, [{ podUid: 'a' }])
  await run.handOver()
  t.match(kept, [{ podUid: 'a' }], 'and written with the next record')
  await t.rejects(run.bindPod({ name: 'p', uid: 'a' }))
})

t.test('a run knows when it came to each phase, and what people call it', async t => {
  const upstream = await jobUpstream(t)
  const env = { BUILDKITE_LABEL: 'Tests', BUILDKITE_BUILD_URL: 'https://buildkite.example/1' }
  const given = { acceptedAt: 999_000, payload: { ...payload, env }, redactedVars: ['*_CODE'] }
  const { run, clock } = runAt(t, upstream.endpoint, given)
  t.match(run, { acceptedAt: 999_000, label: 'Tests', buildUrl: env.BUILDKITE_BUILD_URL, env })
  t.same(run.redactedVars, ['*_CODE'])
  t.equal(run.podCalledAt, undefined)
  run.jobMade('uid', clock.now())
  clock.advance(1_000)
  run.podConnected({ hostname: 'x' })
  clock.advance(1_000)
  run.podStarted()
  run.podConnected({ hostname: 'x' })
  t.equal(run.podCalledAt, clock.now())
  clock.advance(1_000)
  await run.finishFromPod(reported)
  t.same(run.times, {
    acceptedAt: 999_000,
    jobCreatedAt: 1_000_000,
    connectedAt: 1_001_000,
    startedAt: 1_002_000,
    endedAt: 1_003_000,
  })
})

t.test('what an earlier process has seen is not guessed', async t => {
  const upstream = await jobUpstream(t)
  const { run, clock } = runAt(t, upstream.endpoint, { restored: true, acceptedAt: 999_000 })
  run.jobMade('uid')
  run.podConnected({ hostname: 'x' })
  run.podStarted()
  await run.finishFromPod(reported)
  t.same(run.times, { acceptedAt: 999_000, endedAt: clock.now() })
})

t.test(
  'from its pod’s report to upstream’s answer a run is reporting, and no other end counts',
  async t => {
    let answer = () => {}
    const held = new Promise<void>(resolve => (answer = resolve))
    const upstream = await jobUpstream(t, async ({ path }) => {
      if (path.endsWith('/finish')) await held
      return undefined
    })
    const { run } = runAt(t, upstream.endpoint)
    t.notOk(run.reporting)
    const finished = run.finishFromPod(reported)
    t.ok(run.reporting, 'at once')
    await until(() => upstream.finishes().length === 1)
    t.notOk(run.over, 'its pod waits for the answer')
    answer()
    t.same(await finished, { state: 'done' })
    t.notOk(run.reporting)
  },
)
