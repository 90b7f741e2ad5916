import t, { type Test } from 'tap'
import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { AuthenticationV1Api, type V1Job, type V1Pod } from '@kubernetes/client-node'
import type { ClusterOptions } from '../../../lib/sandbox/cluster/server.js'
import { fakeGateway } from '../pod-agent/fake-gateway.js'
import { jobManifest } from '../pod-agent/manifests.js'
import { clusterFor, podWhen, until } from './client.js'

const namespace = 'default'
const audience = 'job-spawner'
const reference = 'file:///var/run/job-spawner/token'

/** A cluster with a Job whose agent container has a token for us, and who is asked about it. */
async function withToken(
  t: Test,
  manifest: Parameters<typeof jobManifest>[0] = {},
  options: ClusterOptions = {},
) {
  const gateway = await fakeGateway()
  t.teardown(() => gateway.close())
  const workspaceRoot = t.testdir()
  const all = await clusterFor(t, { workspaceRoot, ...options })
  const authentication = all.config.makeApiClient(AuthenticationV1Api)
  const body = tokenJob({ endpoint: gateway.url, ...manifest })
  await all.batch.createNamespacedJob({ namespace, body })
  const review = async (token: string, audiences = [audience]) => {
    const answer = await authentication.createTokenReview({ body: { spec: { token, audiences } } })
    return answer.status
  }
  const registered = async () => {
    await gateway.seen('POST register')
    const call = gateway.calls.find(({ name }) => name === 'POST register')
    return call?.headers.authorization?.replace('Token ', '') ?? ''
  }
  return { ...all, authentication, gateway, review, registered, workspaceRoot }
}

function tokenJob(options: Parameters<typeof jobManifest>[0]): V1Job {
  const job = jobManifest({
    ...options,
    agentEnv: [{ name: 'BUILDKITE_AGENT_TOKEN', value: reference }, ...(options.agentEnv ?? [])],
  })
  const spec = job.spec?.template.spec
  const serviceAccountToken = { audience, expirationSeconds: 600, path: 'token' }
  spec?.volumes?.push({ name: 'proof', projected: { sources: [{ serviceAccountToken }] } })
  const mount = { name: 'proof', mountPath: '/var/run/job-spawner', readOnly: true }
  spec?.containers[0]?.volumeMounts?.push(mount)
  return job
}

t.test("a pod's agent registers with the token in its volume, which proves the pod", async t => {
  const { cluster, registered, review, gateway } = await withToken(t, { commands: ['sleep 600'] })
  const token = await registered()
  t.match(token, /^eyJ[\w-]+\.[\w-]+\.[\w-]{43}$/)
  const pod = await podWhen(cluster)
  const status = await review(token, ['another', audience])
  t.match(status, {
    authenticated: true,
    audiences: [audience],
    user: {
      username: 'system:serviceaccount:default:default',
      groups: ['system:serviceaccounts', 'system:serviceaccounts:default', String],
      extra: {
        'authentication.kubernetes.io/pod-name': [pod.metadata?.name],
        'authentication.kubernetes.io/pod-uid': [pod.metadata?.uid],
      },
    },
  })
  await gateway.logged('$ sleep')
})

t.test('a token is good for its audience and for nothing else', async t => {
  const { registered, review, authentication, cluster } = await withToken(t)
  const token = await registered()
  const other = await review(token, ['other'])
  t.notOk(other?.authenticated)
  t.equal(
    other?.error,
    '[invalid bearer token, token audiences ["job-spawner"] is invalid for the target audiences ["other"]]',
  )
  t.notOk((await review(token, []))?.authenticated, "the API server's own audience is another")
  t.match(await review(`${token}x`), { user: {}, error: 'invalid bearer token' })
  const none = authentication.createTokenReview({ body: { spec: { token: '' } } })
  await t.rejects(none, { code: 400 })
  t.same(
    cluster.tokenReviews.map(({ authenticated }) => authenticated),
    [false, false, false],
  )
  t.notOk(
    cluster.writes.some(({ kind }) => kind === 'TokenReview'),
    'a review writes nothing',
  )
})

t.test('a token is good for no longer than its pod is there', async t => {
  const { cluster, registered, review } = await withToken(t, { commands: ['sleep 600'] })
  const token = await registered()
  t.ok((await review(token))?.authenticated)
  const pod = await podWhen(cluster)
  cluster.deletePod(namespace, pod.metadata?.name ?? '', { force: true })
  t.notOk((await review(token))?.authenticated)
})

t.test('a token is good for its time, and a minute more', async t => {
  const time = { ahead: 0 }
  const clock = {
    now: () => Date.now() + time.ahead,
    random: Math.random,
    sleep: (ms: number, signal?: AbortSignal) =>
      new Promise<void>((resolve, reject) => {
        const timer = setTimeout(resolve, ms)
        signal?.addEventListener('abort', () => {
          clearTimeout(timer)
          reject(new Error('aborted'))
        })
      }),
  }
  const { registered, review } = await withToken(t, { commands: ['sleep 600'] }, { clock })
  const token = await registered()
  time.ahead = 640_000
  t.ok((await review(token))?.authenticated)
  time.ahead = 680_000
  t.notOk((await review(token))?.authenticated)
})

t.test('the token is in no manifest, no status, no log and no command', async t => {
  const { cluster, registered, gateway, workspaceRoot } = await withToken(t, {
    commands: ['env; cat /var/run/job-spawner/token || echo there is none: $?; sleep 600'],
  })
  const token = await registered()
  await gateway.logged('there is none: 1')
  for (const kind of ['jobs', 'pods', 'events', 'secrets'])
    t.notOk(JSON.stringify(cluster.objects(kind)).includes(token), kind)
  t.notOk(gateway.log().includes(token))
  t.notMatch(gateway.log(), /BUILDKITE_AGENT_TOKEN=/)
  const pod = await podWhen(cluster)
  const folder = join(workspaceRoot, pod.metadata?.uid ?? '', 'projected', 'proof')
  t.equal(await readFile(join(folder, 'token'), 'utf8'), token)
  cluster.deletePod(namespace, pod.metadata?.name ?? '', { force: true })
  await until(() => cluster.objects('pods').length === 0)
  await cluster.close()
  t.same(await readdir(workspaceRoot), [], 'it goes with the pod')
})

t.test('an agent whose container has no such file fails, and says which', async t => {
  const { cluster, batch } = await clusterFor(t)
  const env = { name: 'BUILDKITE_AGENT_TOKEN', value: reference }
  const body = jobManifest({ agentEnv: [env] })
  await batch.createNamespacedJob({ namespace, body })
  const exitCode = (pod: V1Pod) =>
    pod.status?.containerStatuses?.find(({ name }) => name === 'agent')?.state?.terminated?.exitCode
  const pod = await podWhen(cluster, each => exitCode(each) !== undefined)
  t.equal(exitCode(pod), 1)
})

t.test('a token for less than ten minutes is Invalid, as it is to Kubernetes', async t => {
  const { batch } = await clusterFor(t)
  const body = tokenJob({})
  const source = body.spec?.template.spec?.volumes?.at(-1)?.projected?.sources?.[0]
  if (source?.serviceAccountToken) source.serviceAccountToken.expirationSeconds = 599
  const message =
    /volumes\[1\]\.projected\.sources\[0\]\.serviceAccountToken\.expirationSeconds: .*10 minutes/
  await t.rejects(batch.createNamespacedJob({ namespace, body }), { code: 422, body: message })
})

t.test('the pod says at which addresses it is', async t => {
  const { cluster } = await withToken(t)
  const pod = await podWhen(cluster, each => each.status?.podIP !== undefined)
  t.match(pod.status, { podIP: '127.0.0.1', podIPs: [{ ip: '127.0.0.1' }] })
})
