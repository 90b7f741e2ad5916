// Each telling is a write of the ledger, and hundreds of pods may wait for long at the same time.
import type { CoreV1Event, V1Job, V1Pod } from '@kubernetes/client-node'
import t from 'tap'
import { story, type StorySeen } from '../../../lib/pod/narration/story.js'
import { nothingTold, telling } from '../../../lib/pod/narration/telling.js'

const at = (second: number) => new Date(second * 1_000)

/** How often the log is written to, and with how many lines, by a supervisor that looks each second. */
function costs(seconds: number, seenAt: (second: number) => Omit<StorySeen, 'now'>) {
  let told = nothingTold
  const writes: string[][] = []
  for (let second = 0; second <= seconds; second++) {
    const now = second * 1_000
    const said = telling(story({ ...seenAt(second), now }), told, { waitingSinceMs: 0, now })
    if (!said) continue
    told = said.told
    writes.push(said.lines)
  }
  return { writes: writes.length, lines: writes.flat().length }
}

const job: V1Job = { metadata: { name: 'j', creationTimestamp: at(0) } }

function eventOf(kind: string, event: Partial<CoreV1Event>, second: number): CoreV1Event {
  const involvedObject = { kind, name: 'j' }
  return { metadata: { name: 'e' }, involvedObject, lastTimestamp: at(second), ...event }
}

/** A pod that no node takes; the scheduler's words are others each ten seconds when nodes come and go. */
function unscheduled(second: number, words: string): Omit<StorySeen, 'now'> {
  const message = `0/${words} nodes are available: ${words} Insufficient cpu.`
  const refusal = { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message }
  const pod: V1Pod = {
    metadata: { name: 'p', creationTimestamp: at(0) },
    spec: { containers: [{ name: 'agent' }] },
    status: { phase: 'Pending', conditions: [refusal] },
  }
  const said = { type: 'Warning', reason: 'FailedScheduling', message }
  const source = { component: 'default-scheduler' }
  const refused = { type: 'Normal', reason: 'NotTriggerScaleUp', message: `no: ${words} at max` }
  const events = [eventOf('Pod', { ...said, source }, second), eventOf('Pod', refused, second)]
  const text = `No node has taken the pod yet.\nKubernetes says (Unschedulable): ${message}`
  const verdict = { state: 'waiting', reason: 'Unschedulable', message: text } as const
  return { job, pod, events, jobEvents: [], claimEvents: [], verdict }
}

t.test('a quarter of an hour without a node is told in a handful of writes', async t => {
  const found = costs(900, second => unscheduled(second, '3'))
  t.ok(found.writes <= 7, `${found.writes} writes`)
  t.ok(found.lines <= 12, `${found.lines} lines`)
})

t.test('also while nodes come and go it is told each minute at most', async t => {
  const found = costs(900, second => unscheduled(second, String(3 + Math.floor(second / 10))))
  t.ok(found.writes <= 2 * 15 + 5, `${found.writes} writes`)
})

t.test("a queue's ever new numbers are told each minute at most, not each ten seconds", async t => {
  const suspended = { ...job, spec: { suspend: true, template: {} } }
  const verdict = { state: 'waiting', reason: 'Suspended', message: 'suspended' } as const
  const found = costs(900, second => {
    const said = Array.from({ length: Math.ceil(second / 10) }, (_, index) =>
      eventOf(
        'Job',
        {
          ...{ type: 'Warning', reason: 'Pending', reportingComponent: 'kueue' },
          message: `insufficient unused quota for cpu, ${index + 1} more needed`,
        },
        index * 10,
      ),
    )
    return { job: suspended, events: [], jobEvents: said, claimEvents: [], verdict }
  })
  t.ok(found.writes <= 15 + 7, `${found.writes} writes`)
  t.ok(found.lines <= 15 + 7, `${found.lines} lines`)
})
