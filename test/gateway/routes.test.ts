import t from 'tap'
import { matchRoute, routes } from '../../lib/gateway/routes.js'

t.test('each call of an agent has its row', async t => {
  const table: [string, string, string, string, string?][] = [
    ['POST', '/register', 'register', 'service account'],
    ['POST', '/connect', 'connect', 'session'],
    ['GET', '/ping', 'ping', 'session'],
    ['POST', '/heartbeat', 'heartbeat', 'session'],
    ['POST', '/disconnect', 'disconnect', 'session'],
    ['PUT', '/jobs/a-b/acquire', 'acquire', 'session', 'a-b'],
    ['PUT', '/jobs/a-b/start', 'start', 'job', 'a-b'],
    ['POST', '/jobs/a-b/chunks', 'chunk', 'job', 'a-b'],
    ['GET', '/jobs/a-b', 'state', 'job', 'a-b'],
    ['PUT', '/jobs/a-b/finish', 'finish', 'job', 'a-b'],
    ['POST', '/jobs/a-b/data/set', 'forward', 'job'],
    ['GET', '/jobs/a-b/secrets', 'forward', 'job'],
    ['PUT', '/jobs/a-b', 'forward', 'job'],
    ['GET', '/builds/b/artifacts/search', 'forward', 'job'],
    ['POST', '/steps/s/export', 'step', 'job'],
    ['GET', '/cache_registries/default', 'forward', 'job'],
    ['POST', '/jobs/a-b/a_call_of_next_year', 'forward', 'job'],
  ]
  for (const [method, path, action, credential, jobId] of table) {
    const match = matchRoute(method, path)
    t.match(match?.route, { action, credential }, `${method} ${path}`)
    if (jobId !== undefined) t.equal(match?.named.job, jobId)
  }
})

t.test('what would touch the slot itself is refused with a reason', async t => {
  for (const [method, path] of [
    ['POST', '/stop'],
    ['POST', '/pause'],
    ['POST', '/resume'],
    ['PUT', '/jobs/a/accept'],
  ]) {
    const match = matchRoute(method ?? '', path ?? '')
    t.equal(match?.route.action, 'refuse', String(path))
    t.ok(match?.route.why, String(path))
  }
})

t.test('what is no route of a job is none of ours', async t => {
  for (const [method, path] of [
    ['GET', '/token'],
    ['GET', '/metrics'],
    ['POST', '/stacks/register'],
    ['GET', '/'],
    ['POST', ''],
  ]) {
    t.equal(matchRoute(method ?? '', path ?? ''), undefined, String(path))
  }
})

t.test('an escaped id is read as the id', async t => {
  t.equal(matchRoute('GET', '/jobs/a%2Eb')?.named.job, 'a.b')
  t.equal(matchRoute('GET', '/jobs/%E0%A4%A')?.named.job, undefined)
})

t.test(
  "the calls that make up a job's life are for the job of the token, whatever else is allowed",
  async t => {
    for (const { action, own, path } of routes) {
      if (['acquire', 'start', 'chunk', 'finish', 'state'].includes(action))
        t.equal(own, true, path)
    }
  },
)

t.test('the context of an annotation may hold a slash, and lead nowhere else', async t => {
  const match = (context: string) => matchRoute('DELETE', `/jobs/a/annotations/${context}`)
  t.equal(match('lint%2Fjs')?.route.action, 'forward')
  t.equal(match('100%2525')?.route.action, 'forward')
  for (const context of ['..%2F..%2Fb%2Ffinish', 'x%2F..%2Fy', '%2Fx', 'x%2F%2Fy', 'a%5C..', '.']) {
    t.equal(match(context), undefined, context)
  }
  t.equal(matchRoute('DELETE', '/jobs/a/data/lint%2Fjs'), undefined)
  t.equal(matchRoute('DELETE', '/builds/a/annotations/lint%2Fjs'), undefined)
})
