import t from 'tap'
import { podCause } from '../../lib/supervise/cause.js'

const over = { state: 'over', cause: 'ImagePull', message: 'x', exitStatus: -1 } as const

t.test('a verdict speaks in the words that an agent may use', async t => {
  const reasons = [
    ['stack_error', 'process_run_error'],
    ['process_run_error', 'process_run_error'],
    ['agent_stop', 'agent_stop'],
    [undefined, undefined],
  ] as const
  for (const [signalReason, said] of reasons) {
    t.match(podCause({ ...over, signalReason }), { cause: 'ImagePull', signalReason: said })
  }
  t.equal(podCause({ ...over, signal: 'SIGKILL' }).signal, 'SIGKILL')
})
