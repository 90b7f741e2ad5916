import t from 'tap'
import { ClusterError } from '../../lib/cluster/cluster-error.js'
import { silentLog } from '../../lib/log.js'
import { pointServiceAtUs, untilServiceLeadsElsewhere } from '../../lib/run/point-service.js'

const endpoint = { service: 'gateway', address: '10.0.0.7', port: 8480 }
const clock = { now: () => 0, random: () => 0, sleep: async () => undefined }

t.test('whatever the API server says at first, the Service comes to lead to us', async t => {
  const refusals = [
    new ClusterError({ message: 'no answer' }),
    new ClusterError({ status: 403, message: 'not yet' }),
  ]
  const asked: object[] = []
  const cluster = {
    pointService: async (given: object) => {
      asked.push(given)
      const refusal = refusals.shift()
      if (refusal) throw refusal
    },
  }
  const { signal } = new AbortController()
  await pointServiceAtUs(endpoint, { cluster, log: silentLog(), clock, signal })
  t.same(asked, [endpoint, endpoint, endpoint])
})

t.test('it ends with the program', async t => {
  const stop = new AbortController()
  const cluster = {
    pointService: async () => {
      stop.abort()
      throw new ClusterError({ message: 'no answer' })
    },
  }
  const context = { cluster, log: silentLog(), clock, signal: stop.signal }
  await t.resolves(pointServiceAtUs(endpoint, context))
})

/** Looks at a Service that leads to these addresses, one after another; tells how often, and for how long it waited. */
async function leave(answers: (string[] | Error)[]) {
  let ms = 0
  let looks = 0
  const cluster = {
    serviceAddresses: async () => {
      looks++
      const answer = answers.length > 1 ? answers.shift() : answers[0]
      if (answer instanceof Error) throw answer
      return answer ?? []
    },
  }
  const sleep = async (by: number) => void (ms += by)
  const slept = { ...clock, now: () => ms, sleep }
  await untilServiceLeadsElsewhere(endpoint, { cluster, log: silentLog(), clock: slept })
  return { looks, ms }
}

t.test('who leaves waits until pods are led to the next process', async t => {
  const ours = ['10.0.0.7']
  const { looks, ms } = await leave([ours, ours, ['10.0.0.8']])
  t.equal(looks, 3)
  t.ok(ms >= 3_000, 'and until the nodes know it')
  t.match(await leave([[]]), { looks: 1 }, 'leading nowhere is over, too')
})

t.test('who leaves does not wait for long when there is nobody, or nobody says', async t => {
  const { ms } = await leave([['10.0.0.7']])
  t.ok(ms <= 21_000)
  t.match(await leave([new ClusterError({ status: 403, message: 'no' })]), { looks: 1, ms: 0 })
})
