import t from 'tap'
import {
  amended,
  finishOf,
  isOver,
  reportedStatus,
  stopCause,
  wantsStop,
} from '../../lib/run/ending.js'

t.test('a cause becomes the body of a finish, with nothing that is not known', async t => {
  const at = { finishedAt: new Date(0), lost: 0 }
  t.strictSame(finishOf({ cause: 'x', message: 'y', exitStatus: -1 }, at), {
    exit_status: '-1',
    finished_at: '1970-01-01T00:00:00.000Z',
    chunks_failed_count: 0,
  })
  t.match(
    finishOf(
      { cause: 'x', message: 'y', exitStatus: 137, signal: 'SIGKILL', signalReason: 'agent_stop' },
      at,
    ),
    { exit_status: '137', signal: 'SIGKILL', signal_reason: 'agent_stop' },
  )
})

t.test('an exit status is what a pod says as a whole number', async t => {
  const table: [unknown, number | undefined][] = [
    ['0', 0],
    ['-1', -1],
    ['7', 7],
    ['1.5', undefined],
    ['x', undefined],
    [undefined, undefined],
  ]
  for (const [exit_status, status] of table) t.equal(reportedStatus({ exit_status }), status)
})

t.test('each state of a job means to go on, to stop or that it is over', async t => {
  const table: [string, boolean, boolean][] = [
    ['scheduled', false, false],
    ['assigned', false, false],
    ['accepted', false, false],
    ['running', false, false],
    ['canceling', true, false],
    ['timing_out', true, false],
    ['canceled', true, true],
    ['timed_out', true, true],
    ['finished', false, true],
    ['expired', false, true],
    ['some-new-state', false, false],
  ]
  for (const [state, stops, over] of table) {
    t.equal(wantsStop(state), stops, state)
    t.equal(isOver(state), over, state)
  }
})

t.test('people read whether it was cancelled or timed out', async t => {
  const made = { jobCreated: true }
  t.match(stopCause('canceling', made), { cause: 'JobCancelled', signalReason: 'cancel' })
  t.match(stopCause('timed_out', made), { cause: 'JobTimedOut', message: /timed out.*is deleted/ })
  t.match(stopCause('canceled', { jobCreated: false }), { message: /No Job was made/ })
})

t.test("a kill that the agent has not seen is put right, and the rest is the pod's", async t => {
  const reported = { exit_status: '255', signal: '', signal_reason: 'agent_stop', extra: true }
  const message = 'x'
  t.equal(amended(reported, undefined), reported)
  t.equal(amended(reported, { message, lines: [] }), reported)
  const amend = { exit_status: '137', signal: 'SIGKILL' }
  t.same(amended(reported, { message, lines: [], amend }), {
    exit_status: '137',
    signal: 'SIGKILL',
    extra: true,
  })
})
