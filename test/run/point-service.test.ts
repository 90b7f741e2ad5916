import t from 'tap'
import { ClusterError } from '../../lib/cluster/cluster-error.js'
import { silentLog } from '../../lib/log.js'
import { pointServiceAtUs } from '../../lib/run/point-service.js'

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
