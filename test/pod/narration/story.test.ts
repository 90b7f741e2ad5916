import type { V1ContainerState, V1ContainerStatus } from '@kubernetes/client-node'
import fc from 'fast-check'
import t from 'tap'
import { story } from '../../../lib/pod/narration/story.js'
import { cases, seenAt, type Case } from './cases.js'

const seconds = ({ lasts, steps }: Case) => [...new Set([...steps.map(({ at }) => at), lasts])]

t.test(
  'a fact has one key and one text while nothing changes, in whatever order events come',
  async t => {
    for (const one of cases()) {
      for (const second of seconds(one)) {
        const seen = seenAt(one, second)
        const facts = story(seen)
        t.equal(new Set(facts.map(({ key }) => key)).size, facts.length, 'keys differ')
        const shuffled = {
          ...seen,
          events: seen.events.toReversed(),
          jobEvents: seen.jobEvents.toReversed(),
          claimEvents: seen.claimEvents.toReversed(),
        }
        const text = (all: typeof facts) => all.map(({ key, text }) => `${key} ${text}`).toSorted()
        t.same(text(story(shuffled)), text(facts), `${one.name}, second ${second}`)
      }
    }
  },
)

t.test('facts come in the order in which they happened', async t => {
  for (const one of cases()) {
    const times = story(seenAt(one, one.lasts)).map(({ atMs }) => atMs)
    t.same(
      times,
      times.toSorted((a, b) => a - b),
      one.name,
    )
  }
})

t.test('what Kubernetes says is redacted wherever it comes from', async t => {
  const redact = (text: string) => text.replaceAll(/\w/g, '*')
  for (const one of cases()) {
    for (const second of seconds(one)) {
      const lines = story({ ...seenAt(one, second), redact }).flatMap(({ text }) =>
        text.split('\n'),
      )
      const quotes = lines.filter(line => line.startsWith('Kubernetes says'))
      for (const line of quotes) t.match(line, /^Kubernetes says \([^)]*\): \W*$/)
    }
  }
})

t.test('nothing is known, and nothing is told', async t => {
  const verdict = { state: 'waiting', reason: 'NoPod', message: 'no pod' } as const
  t.same(story({ events: [], jobEvents: [], claimEvents: [], verdict, now: 0 }), [])
})

t.test("a verdict's lines are marked as whose they are", async t => {
  const said = 'Back-off pulling image "x"'
  const message = `No image.\nKubernetes says (Odd): not (yet)\nKubernetes says: who knows\n${said}`
  const waiting = { reason: 'ImagePullBackOff', message: said }
  const pod = {
    spec: { containers: [{ name: 'a' }] },
    status: { containerStatuses: [statusOf({ waiting })] },
  }
  const verdict = { state: 'waiting', reason: 'ImagePullBackOff', message } as const
  const facts = story({ pod, events: [], jobEvents: [], claimEvents: [], verdict, now: 0 })
  t.same(facts.find(({ key }) => key === 'waiting:image')?.text.split('\n'), [
    'Job spawner: No image.',
    'Kubernetes says (Odd): not (yet)',
    'Kubernetes says (ImagePullBackOff): who knows',
    `Kubernetes says (ImagePullBackOff): ${said}`,
  ])
})

function statusOf(state: V1ContainerState): V1ContainerStatus {
  return { name: 'a', image: '', imageID: '', ready: false, restartCount: 0, state }
}

t.test('whatever Kubernetes leaves out, there is a story', async () => {
  const seen = cases().flatMap(one => seconds(one).map(second => seenAt(one, second)))
  fc.assert(
    fc.property(fc.constantFrom(...seen), fc.infiniteStream(fc.nat(19)), (whole, chances) => {
      const next = () => Number(chances.next().value)
      const { verdict, now, ...objects } = whole
      const thin = thinned(objects, next) as typeof objects
      return story({ ...thin, verdict, now }).every(({ text, atMs }) => text !== '' && atMs >= 0)
    }),
    { numRuns: 500 },
  )
})

// What the API's types promise is always there.
const required = new Set([
  'events',
  'jobEvents',
  'claimEvents',
  'involvedObject',
  'containers',
  'name',
])

/** The same with some of the fields left out, or null. */
function thinned(value: unknown, next: () => number): unknown {
  if (Array.isArray(value)) return value.map(one => thinned(one, next))
  if (typeof value !== 'object' || value === null) return value
  const kept = Object.entries(value).flatMap(([key, one]): [string, unknown][] => {
    const chance = required.has(key) ? 9 : next()
    if (chance === 0) return []
    return [[key, chance === 1 && /[tT]ime/.test(key) ? null : thinned(one, next)]]
  })
  return Object.fromEntries(kept)
}
