import t from 'tap'
import { clusterAt, loopback, refuse, reply } from './loopback.js'

const user = {
  username: 'system:serviceaccount:jobs:default',
  extra: {
    'authentication.kubernetes.io/pod-name': ['pod-1'],
    'authentication.kubernetes.io/pod-uid': ['uid-1'],
  },
}
const good = { authenticated: true, audiences: ['job-spawner'], user }

t.test("a pod's token is whose the API server says", async t => {
  const server = await loopback(t, (_, response) => reply(response, 201, { status: good }))
  const found = await clusterAt(t, server.url).reviewToken('tok', 'job-spawner')
  t.same(found, { namespace: 'jobs', serviceAccount: 'default', name: 'pod-1', uid: 'uid-1' })
  const [asked] = server.asked
  t.equal(`${asked?.method} ${asked?.path}`, 'POST /apis/authentication.k8s.io/v1/tokenreviews')
  t.match(JSON.parse(asked?.body ?? ''), { spec: { token: 'tok', audiences: ['job-spawner'] } })
})

t.test('a token that is not good for us, or bound to no pod, is nobody', async t => {
  const { 'authentication.kubernetes.io/pod-uid': _, ...unbound } = user.extra
  const statuses = [
    undefined,
    { authenticated: false, error: 'invalid bearer token' },
    { ...good, authenticated: undefined },
    { ...good, audiences: undefined },
    { ...good, audiences: ['https://kubernetes.default.svc'] },
    { ...good, user: undefined },
    { ...good, user: { ...user, extra: undefined } },
    { ...good, user: { ...user, extra: unbound } },
    { ...good, user: { ...user, username: 'system:node:node-1' } },
    { ...good, user: { ...user, username: 'x:system:serviceaccount:jobs:default' } },
    { ...good, user: { ...user, username: 'system:serviceaccount:jobs:default:x' } },
  ]
  let status: unknown
  const server = await loopback(t, (_, response) => reply(response, 201, { status }))
  const cluster = clusterAt(t, server.url)
  for (status of statuses) {
    t.equal(await cluster.reviewToken('tok', 'job-spawner'), undefined, JSON.stringify(status))
  }
})

t.test('an API server that does not say is a fault, and the token is in no message', async t => {
  const server = await loopback(t, (_, response) =>
    refuse(response, 503, { reason: 'ServiceUnavailable', message: 'not now' }),
  )
  const reviewed = clusterAt(t, server.url).reviewToken('s3cret', 'job-spawner')
  const error = await reviewed.catch((thrown: unknown) => thrown)
  t.match(error, { name: 'ClusterError', disposition: 'retry' })
  t.notMatch(String((error as Error).stack), /s3cret/)
})

t.test('who may have no token reviewed is told at the start which right is missing', async t => {
  const message =
    'tokenreviews.authentication.k8s.io is forbidden: User "ci" cannot create resource "tokenreviews"'
  const server = await loopback(t, (_, response) =>
    refuse(response, 403, { reason: 'Forbidden', message }),
  )
  await t.rejects(clusterAt(t, server.url).checkTokenReviews(), {
    code: 'TOKEN_REVIEW',
    wanted: /create tokenreviews\.authentication\.k8s\.io/,
    found: message,
    hint: /rbac\.create.*system:auth-delegator/,
  })
})

t.test('an API server that reviews a token that is none is well', async t => {
  const status = { authenticated: false, error: 'invalid bearer token' }
  const server = await loopback(t, (_, response) => reply(response, 201, { status }))
  await t.resolves(clusterAt(t, server.url).checkTokenReviews())
})
