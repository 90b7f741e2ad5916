import t from 'tap'
import { clusterAt, loopback, refuse, reply, type Asked, type Handler } from './loopback.js'

const jobs = '/apis/batch/v1/namespaces/jobs/jobs'
const pods = '/api/v1/namespaces/jobs/pods'
const notFound: Handler = (_, response) =>
  refuse(response, 404, { reason: 'NotFound', message: 'not found' })

function line(asked: Asked | undefined): string {
  return `${asked?.method} ${asked?.path}`
}

t.test('a Job is posted as it is, fields that no client knows included', async t => {
  const server = await loopback(t, ({ body }, response) =>
    reply(response, 201, {
      ...(JSON.parse(body) as object),
      metadata: { name: 'j', uid: 'u', creationTimestamp: '2026-01-01T00:00:00Z' },
    }),
  )
  const job = {
    metadata: { name: 'j' },
    spec: { template: { spec: { containers: [], fieldOfTomorrow: { a: 1 } } } },
  }
  const made = await clusterAt(t, server.url).createJob(job)
  t.equal(line(server.asked[0]), `POST ${jobs}`)
  t.same(JSON.parse(server.asked[0]?.body ?? ''), job)
  t.same(server.asked[0]?.query, { fieldValidation: 'Strict' }, 'unknown fields are not dropped')
  t.notOk(made.existed)
  t.equal(made.job.metadata?.uid, 'u')
  t.ok(made.job.metadata?.creationTimestamp instanceof Date, 'dates are what the types say')
})

t.test('a Job of that name that exists is the same Job', async t => {
  const server = await loopback(t, ({ method }, response) => {
    if (method === 'POST') refuse(response, 409, { reason: 'AlreadyExists', message: 'exists' })
    else reply(response, 200, { metadata: { name: 'j', uid: 'first' } })
  })
  const { job, existed } = await clusterAt(t, server.url).createJob({ metadata: { name: 'j' } })
  t.ok(existed)
  t.equal(job.metadata?.uid, 'first')
})

t.test('a Job that exists and then does not is a passing fault', async t => {
  const server = await loopback(t, (asked, response) => {
    if (asked.method !== 'POST') return notFound(asked, response)
    return refuse(response, 409, { reason: 'AlreadyExists', message: 'exists' })
  })
  const created = clusterAt(t, server.url).createJob({ metadata: { name: 'j' } })
  await t.rejects(created, { name: 'ClusterError', disposition: 'retry' })
})

t.test("a refusal of a Job comes with the API server's own words", async t => {
  const message = 'admission webhook "policy" denied the request: no latest tags'
  const server = await loopback(t, (_, response) =>
    refuse(response, 403, { reason: 'Forbidden', message }),
  )
  const created = clusterAt(t, server.url).createJob({ metadata: { name: 'j' } })
  await t.rejects(created, { name: 'ClusterError', message, disposition: 'final', status: 403 })
})

t.test('a dry run of a Job asks for all checks and makes nothing', async t => {
  const server = await loopback(t, ({ body }, response) =>
    reply(response, 201, JSON.parse(body) as object),
  )
  await clusterAt(t, server.url).createJob({ metadata: { name: 'j' } }, { dryRun: true })
  t.same(server.asked[0]?.query, { fieldValidation: 'Strict', dryRun: 'All' })
})

t.test('a field that the API server does not know is a final refusal, in its words', async t => {
  const message = 'strict decoding error: unknown field "spec.template.spec.nodeSelctor"'
  const server = await loopback(t, (_, response) =>
    refuse(response, 400, { reason: 'BadRequest', message }),
  )
  const created = clusterAt(t, server.url).createJob({ metadata: { name: 'j' } })
  await t.rejects(created, { name: 'ClusterError', message, disposition: 'final', status: 400 })
})

t.test('a PodTemplate is read as it is stored, fields that no client knows included', async t => {
  const template = { template: { spec: { containers: [], fieldOfTomorrow: { a: 1 } } } }
  const server = await loopback(t, (_, response) => reply(response, 200, template))
  const cluster = clusterAt(t, server.url)
  t.same(await cluster.getPodTemplate('go builds'), template)
  t.equal(line(server.asked[0]), 'GET /api/v1/namespaces/jobs/podtemplates/go%20builds')
})

t.test('a name that is a path leads nowhere', async t => {
  const server = await loopback(t, (_, response) => reply(response, 200, {}))
  const cluster = clusterAt(t, server.url)
  for (const name of ['.', '..']) t.equal(await cluster.getPodTemplate(name), undefined)
  t.same(server.asked, [])
  await cluster.getPodTemplate('../secrets/x')
  t.equal(server.asked[0]?.path, '/api/v1/namespaces/jobs/podtemplates/..%2Fsecrets%2Fx')
})

t.test('what is not there is undefined to read and fine to delete', async t => {
  const server = await loopback(t, notFound)
  const cluster = clusterAt(t, server.url)
  t.equal(await cluster.getJob('j'), undefined)
  t.equal(await cluster.getPod('p'), undefined)
  t.equal(await cluster.getPodTemplate('t'), undefined)
  t.equal(await cluster.getClaim('c'), undefined)
  t.equal(await cluster.getNode('n'), undefined)
  await cluster.deleteJob('j', { background: true })
  await cluster.deletePod('p', { graceSeconds: 3 })
  t.same(server.asked.map(line), [
    `GET ${jobs}/j`,
    `GET ${pods}/p`,
    'GET /api/v1/namespaces/jobs/podtemplates/t',
    'GET /api/v1/namespaces/jobs/persistentvolumeclaims/c',
    'GET /api/v1/nodes/n',
    `DELETE ${jobs}/j`,
    `DELETE ${pods}/p`,
  ])
  t.equal(server.asked[5]?.query['propagationPolicy'], 'Background')
  t.equal(server.asked[6]?.query['gracePeriodSeconds'], '3')
})

t.test('a Job is ended by its deadline, in a merge patch, and need not be there', async t => {
  const server = await loopback(t, ({ path }, response) => {
    if (path.endsWith('/gone')) return refuse(response, 404, { reason: 'NotFound' })
    return reply(response, 200, {})
  })
  const cluster = clusterAt(t, server.url)
  await cluster.endJob('j')
  await cluster.endJob('gone')
  t.equal(line(server.asked[0]), `PATCH ${jobs}/j`)
  t.equal(server.asked[0]?.headers['content-type'], 'application/merge-patch+json')
  t.same(JSON.parse(server.asked[0]?.body ?? ''), { spec: { activeDeadlineSeconds: 1 } })
  const strict = await loopback(t, (_, response) => refuse(response, 403))
  await t.rejects(clusterAt(t, strict.url).endJob('j'), {
    name: 'ClusterError',
    status: 403,
    disposition: 'final',
  })
})

t.test('all Jobs with some labels are listed, page by page', async t => {
  const server = await loopback(t, ({ query }, response) => {
    const metadata = { resourceVersion: '1', continue: query['continue'] ? '' : 'next' }
    const name = query['continue'] ? 'b' : 'a'
    return reply(response, 200, { items: [{ metadata: { name } }], metadata })
  })
  const found = await clusterAt(t, server.url).listJobs('app=x')
  t.same(
    found.map(({ metadata }) => metadata?.name),
    ['a', 'b'],
  )
  t.equal(server.asked[1]?.query['labelSelector'], 'app=x')
})

t.test('an event is posted to the namespace of the jobs', async t => {
  const server = await loopback(t, (_, response) => reply(response, 201, {}))
  const involvedObject = { kind: 'Job', name: 'j' }
  const at = new Date('2026-01-01T00:00:00Z')
  await clusterAt(t, server.url).createEvent({
    metadata: { name: 'j.1' },
    involvedObject,
    lastTimestamp: at,
  })
  t.equal(line(server.asked[0]), 'POST /api/v1/namespaces/jobs/events')
  t.match(JSON.parse(server.asked[0]?.body ?? ''), {
    involvedObject,
    lastTimestamp: '2026-01-01T00:00:00.000Z',
  })
})

t.test('a refusal to delete is not taken for an absence', async t => {
  const server = await loopback(t, (_, response) => refuse(response, 500))
  await t.rejects(clusterAt(t, server.url).deleteJob('j'), {
    name: 'ClusterError',
    status: 500,
    disposition: 'retry',
  })
})

t.test(
  'logs, events, nodes and the pods of a Job are asked for by what they belong to',
  async t => {
    const server = await loopback(t, ({ path }, response) => {
      if (path.endsWith('/log')) response.end('last words\n')
      else
        reply(response, 200, { kind: 'List', items: [{ metadata: { name: 'x' } }], metadata: {} })
    })
    const cluster = clusterAt(t, server.url)
    t.equal(await cluster.podLog('p', 'container-0', 20), 'last words\n')
    t.match(server.asked[0], {
      path: `${pods}/p/log`,
      query: { container: 'container-0', tailLines: '20' },
    })
    t.equal((await cluster.events('p')).length, 1)
    t.equal(server.asked[1]?.query['fieldSelector'], 'involvedObject.name=p')
    t.equal((await cluster.nodes())[0]?.metadata?.name, 'x')
    t.equal((await cluster.podsOfJob('j')).length, 1)
    t.equal(server.asked[3]?.query['labelSelector'], 'job-name=j')
  },
)

t.test('ping gives the version of the API server', async t => {
  const server = await loopback(t, (_, response) => reply(response, 200, { gitVersion: 'v1.34.4' }))
  t.equal(await clusterAt(t, server.url).ping(), 'v1.34.4')
})

t.test(
  'ping names the host of a cluster that does not answer, without its credentials',
  async t => {
    const user = { token: 's3cret' }
    const error = await clusterAt(t, 'http://127.0.0.1:1', { user })
      .ping()
      .catch((thrown: unknown) => thrown)
    t.match(error, { code: 'CLUSTER_UNREACHABLE', where: '127.0.0.1:1', found: /ECONNREFUSED/ })
    t.notMatch(JSON.stringify(error), /s3cret/)
    const busy = await loopback(t, (_, response) => refuse(response, 503))
    await t.rejects(clusterAt(t, busy.url).ping(), { code: 'CLUSTER_UNREACHABLE' })
  },
)

t.test(
  'ping tells a refusal, and a server that is not Kubernetes, from an unreachable one',
  async t => {
    const server = await loopback(t, (_, response) =>
      refuse(response, 401, { message: 'Unauthorized' }),
    )
    const cluster = clusterAt(t, server.url, { user: { token: 's3cret' } })
    const error = await cluster.ping().catch((thrown: unknown) => thrown)
    t.match(error, { code: 'CLUSTER_REFUSED', found: 'status 401: Unauthorized' })
    t.notMatch(JSON.stringify(error), /s3cret/)
    const other = await loopback(t, (_, response) => reply(response, 200, {}))
    await t.rejects(clusterAt(t, other.url).ping(), { code: 'CLUSTER_REFUSED', where: /127/ })
  },
)

t.test('a namespace is made when it is missing, and only then', async t => {
  const answers: Record<string, [number, number]> = {
    present: [200, 500],
    missing: [404, 201],
    raced: [404, 409],
    hidden: [403, 500],
  }
  const server = await loopback(t, ({ method, path, body }, response) => {
    const posted =
      method === 'POST' ? (JSON.parse(body) as { metadata: { name: string } }) : undefined
    const name = posted?.metadata.name ?? path.split('/').at(-1) ?? ''
    const status = answers[name]?.[posted ? 1 : 0] ?? 500
    const reason = status === 409 ? 'AlreadyExists' : undefined
    if (status < 300) reply(response, status, { metadata: { name } })
    else refuse(response, status, { reason })
  })
  const cluster = clusterAt(t, server.url)
  for (const name of Object.keys(answers)) await cluster.ensureNamespace(name)
  t.same(
    server.asked.map(({ method }) => method),
    ['GET', 'GET', 'POST', 'GET', 'POST', 'GET'],
  )
})

t.test('a namespace that we may not make is a problem that says how to make it', async t => {
  const server = await loopback(t, (asked, response) => {
    if (asked.method === 'GET') return notFound(asked, response)
    return refuse(response, 403, { reason: 'Forbidden', message: 'cannot create namespaces' })
  })
  await t.rejects(clusterAt(t, server.url).ensureNamespace('builds'), {
    code: 'CLUSTER_REFUSED',
    where: 'namespace builds',
    found: /cannot create namespaces/,
    hint: /kubectl create namespace builds/,
  })
})
