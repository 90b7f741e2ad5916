import t from 'tap'
import { podCause } from '../../lib/supervise/cause.js'

const over = {
  state: 'over',
  cause: 'ImagePull',
  fault: 'cluster',
  message: 'what Kubernetes says',
  exitStatus: -1,
} as const

t.test(
  'a verdict ends a run in its own words, with the message that people are to read',
  async t => {
    const cause = podCause({ ...over, signalReason: 'stack_error' }, 'redacted')
    t.match(cause, { cause: 'ImagePull', fault: 'cluster', message: 'redacted', exitStatus: -1 })
    t.equal(cause.signalReason, 'stack_error')
    t.equal(podCause({ ...over, signal: 'SIGKILL' }, '').signal, 'SIGKILL')
  },
)
