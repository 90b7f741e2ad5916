import fc from 'fast-check'
import t from 'tap'
import { causes } from '../../../lib/pod/verdict/causes.js'
import { explain, isSettled, type Reported } from '../../../lib/pod/verdict/explain.js'
import type { Seen } from '../../../lib/pod/verdict/judgement.js'
import { verdict } from '../../../lib/pod/verdict/verdict.js'
import { anything } from './arbitrary.js'
import { seenOf, situations } from './situation.js'

const numRuns = 4_000

t.test('whatever is seen has a verdict, and an end says all that an end must say', async () => {
  fc.assert(
    fc.property(anything, seen => {
      const found = verdict(seen)
      if (found.state === 'running') return true
      if (found.message.trim() === '') return false
      if (found.state === 'waiting') return found.reason !== ''
      const { fault } = causes[found.cause as keyof typeof causes]
      return found.fault === fault && Number.isInteger(found.exitStatus)
    }),
    { numRuns },
  )
})

t.test(
  'a pod whose agent and containers all run, on a node that is ready, is never over',
  async () => {
    fc.assert(
      fc.property(anything, seen => verdict(healthy(seen)).state === 'running'),
      { numRuns },
    )
  },
)

t.test('whatever is reported has an explanation that says something, or none', async () => {
  const reported: fc.Arbitrary<Reported> = fc.record({
    exitStatus: fc.oneof(fc.constantFrom(-1, -7, -10, 137, 255, undefined), fc.integer()),
    signalReason: fc.constantFrom(undefined, 'agent_stop', 'process_run_error', 'cancel'),
  })
  fc.assert(
    fc.property(anything, reported, (seen, told) => {
      isSettled(told, seen.pod)
      const found = explain(told, seen)
      if (!found) return true
      const { fault } = causes[found.cause as keyof typeof causes]
      return found.fault === fault && found.message.trim() !== ''
    }),
    { numRuns },
  )
})

t.test('of a real situation any part may be missing', async t => {
  for (const { name, content } of situations()) {
    for (const path of pathsOf({ ...content, expect: undefined, reported: undefined })) {
      const seen = seenOf(without({ ...content }, path) as typeof content)
      try {
        verdict(seen)
        if (content.reported) explain(content.reported, seen)
      } catch (error) {
        t.fail(`${name} without ${path.join('.')}: ${String(error)}`)
      }
    }
  }
  t.pass('none throws')
})

function pathsOf(value: unknown, path: string[] = []): string[][] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, one]) => {
    const here = [...path, key]
    const optional = !['limits', 'about', 'now'].includes(here[0] ?? '')
    return optional ? [here, ...pathsOf(one, here)] : []
  })
}

/** The value with null at the path. */
function without(value: unknown, [key, ...rest]: string[]): unknown {
  if (key === undefined) return null
  if (Array.isArray(value)) {
    return value.map((one: unknown, index) => (String(index) === key ? without(one, rest) : one))
  }
  const object = value as Record<string, unknown>
  return { ...object, [key]: without(object[key], rest) }
}

/** The same run, but with a pod that is as well as a pod can be. */
function healthy(seen: Seen): Seen {
  const names = ['agent', 'checkout', 'container-0']
  const led = (name: string) =>
    name === 'agent' ? [] : [{ name: 'BUILDKITE_CONTAINER_ID', value: '0' }]
  return {
    ...seen,
    pod: {
      metadata: { ...seen.pod?.metadata, deletionTimestamp: undefined },
      spec: { containers: names.map(name => ({ name, env: led(name) })) },
      status: {
        phase: 'Running',
        conditions: seen.pod?.status?.conditions,
        containerStatuses: names.map(name => ({
          ...{ name, image: '', imageID: '', ready: true, restartCount: 0 },
          state: { running: {} },
        })),
      },
    },
    node: { status: { conditions: [{ type: 'Ready', status: 'True' }] } },
  }
}
