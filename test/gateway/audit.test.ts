import t from 'tap'
import { scripted } from '../upstream/scripted.js'
import { FakeRun, caller, gatewayOf, podUid } from './gateway-of.js'

const nobody = 'http://127.0.0.1:9/v3'

t.test('a refused call gives one line: who, what, from where, why; and no secret', async t => {
  const { call, job, run, audits, lines, authorization } = await gatewayOf(t, nobody)
  const other = '/v3/jobs/01890000-0000-4000-8000-000000000002/data/get'
  await call('POST', `${other}?key=hidden`, { token: 'job', json: { key: 'hidden' } })
  t.same(
    audits().map(({ time: _, ...line }) => line),
    [
      {
        level: 40,
        audit: true,
        method: 'POST',
        path: other,
        route: 'forward',
        from: '127.0.0.1',
        job: run.jobId,
        pod: podUid,
        why: "this token is another job's",
        msg: 'call refused',
      },
    ],
  )
  await call('PUT', `${job}/finish`, { token: `${authorization('job')}x`, json: {} })
  t.equal(audits().length, 2)
  const token = authorization('job').slice('Token '.length)
  t.notMatch(JSON.stringify(lines), /hidden/)
  t.notOk(JSON.stringify(lines).includes(token))
})

t.test('a pod that is refused in a loop does not fill the disk, and is counted', async t => {
  const upstream = await scripted(t, () => ({}))
  const second = new FakeRun(upstream.endpoint, '01890000-0000-4000-8000-000000000009')
  const { call, audits, clock, port } = await gatewayOf(t, upstream.endpoint, { runs: [second] })
  const refused = () => call('POST', '/v3/stop', { token: 'job' })
  for (let i = 0; i < 50; i++) await refused()
  t.equal(audits().length, 20)
  clock.advance(10_000)
  await refused()
  t.equal(audits().length, 21)
  t.equal(audits().at(-1)?.['unlogged'], 30)
  await refused()
  t.equal(audits().length, 21)
  second.uid = 'its pod'
  await caller(port, second)('POST', '/v3/stop', { token: 'nobodys' })
  t.equal(audits().length, 22, 'an address is counted by itself')
})
