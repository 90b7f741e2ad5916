import t from 'tap'
import { explain, isSettled, mayBeMemory, mayExplain } from '../../../lib/pod/verdict/explain.js'
import { seenOf, situations } from './situation.js'

t.test('the command’s own statuses are asked about nobody', async t => {
  for (const exitStatus of [0, 1, 2, 94, 125, 127]) {
    t.notOk(mayExplain({ exitStatus, signalReason: undefined }), String(exitStatus))
  }
  t.notOk(mayExplain({ exitStatus: undefined, signalReason: undefined }))
})

t.test('those that the cluster may know more of are', async t => {
  for (const exitStatus of [-1, -7, -10, 128, 137, 255]) {
    t.ok(mayExplain({ exitStatus, signalReason: undefined }), String(exitStatus))
  }
  t.ok(mayExplain({ exitStatus: -1, signalReason: 'process_run_error' }))
  t.ok(mayExplain({ exitStatus: 0, signalReason: 'agent_stop' }))
})

t.test('who cancelled, refused or rejected a job knows why it ended', async t => {
  for (const signalReason of ['cancel', 'agent_refused', 'signature_rejected']) {
    t.notOk(mayExplain({ exitStatus: -1, signalReason }), signalReason)
  }
})

t.test('a status that explains an end is settled', async t => {
  for (const { name, content } of situations()) {
    // Where an agent is faster than the status of its pod, an event explains it.
    if (!content.reported || typeof content.expect !== 'object') continue
    if (/-event$|^evicted-reported$|^lost-contact$/.test(name)) continue
    t.ok(isSettled(content.reported, content.pod), name)
  }
})

t.test('a kubelet that has not told of the end yet is asked again', async t => {
  const running = situations().find(({ name }) => name === 'running')?.content.pod
  t.notOk(isSettled({ exitStatus: 255, signalReason: undefined }, running))
  t.notOk(isSettled({ exitStatus: -1, signalReason: 'agent_stop' }, running))
  t.ok(isSettled({ exitStatus: -10, signalReason: undefined }, running), 'nothing is to come')
  t.ok(isSettled({ exitStatus: 255, signalReason: undefined }, undefined), 'there is no pod')
})

t.test('an ordinary end is not explained, but when memory ran out', async t => {
  for (const { name, content } of situations()) {
    const seen = seenOf(content)
    const reported = { exitStatus: 2, signalReason: undefined }
    const found = explain(reported, seen)
    if (found === undefined) continue
    t.match(found, { cause: /OutOfMemory|OOMKilled/, exitStatus: undefined }, name)
    t.ok(isSettled(reported, seen.pod), 'its status is the own of a program that noticed')
  }
  t.equal(mayBeMemory({ exitStatus: 2, signalReason: undefined }), true)
  t.equal(mayBeMemory({ exitStatus: 0, signalReason: undefined }), false)
  t.equal(mayBeMemory({ exitStatus: 2, signalReason: 'cancel' }), false)
})

t.test('a failure is waited for only where there is a limit', async t => {
  const reported = { exitStatus: 2, signalReason: undefined }
  const env = [{ name: 'BUILDKITE_CONTAINER_ID', value: '0' }]
  const pod = (resources?: object) => ({ spec: { containers: [{ name: 'a', env, resources }] } })
  t.equal(isSettled(reported, pod()), true)
  t.equal(isSettled(reported, pod({ limits: { memory: '1Gi' } })), false)
})
