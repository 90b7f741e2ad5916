import t from 'tap'
import { Nemesis } from './nemesis.js'
import { scheduleOf, told } from './schedule.js'

t.test('a seed stands for one schedule', async t => {
  t.same(scheduleOf(17), scheduleOf(17))
  t.not(told(scheduleOf(17)), told(scheduleOf(18)))
})

t.test('the nth request of a kind meets the same trouble, whatever comes in between', async t => {
  const path = '/v3/jobs/0e3a6c52-6a2e-4d0b-9d7c-2b1f2c7a1a11/finish'
  const shares = { upstream: 0.5, kubernetes: 0.5 }
  const finishes = (noise: number) => {
    const nemesis = new Nemesis(3, shares)
    return Array.from({ length: 20 }, () => {
      for (let i = 0; i < noise; i++) nemesis.upstream({ method: 'GET', path: '/v3/ping' })
      return nemesis.upstream({ method: 'PUT', path })
    })
  }
  t.same(finishes(0), finishes(3))
  t.ok(finishes(0).some(trouble => trouble !== undefined))
})

t.test('a nemesis that has ended leaves all requests in peace', async t => {
  const nemesis = new Nemesis(3, { upstream: 1, kubernetes: 1 })
  nemesis.end()
  t.equal(nemesis.upstream({ method: 'GET', path: '/v3/ping' }), undefined)
})
