import t from 'tap'
import { hasAuditLog, writesBetween } from './harness/audit.js'
import { counted, endsWhole, leavesNoOrphan, letEnd, openPipeline } from './harness/counting.js'
import { exec } from './harness/exec.js'
import { podOf } from './harness/job-pods.js'
import { helm, kubectl, kubectlJson } from './harness/kubectl.js'
import { installRelease, logsOf } from './harness/release.js'
import { clusterToken } from './harness/world.js'

// One release of the chart, from its installation over an upgrade to its end.

const from = Date.now()
// A lease that nobody waits for the end of, so that it is seen whether one is handed over.
const lease = { seconds: 60 }
const config = { 'max-in-flight': 20, 'lease-duration': `${lease.seconds}s` }
const release = await installRelease(t, { config })
const { upstream } = release
const { ledger, jobs } = release.namespaces
const place = ['--namespace', ledger]
const user = `system:serviceaccount:${ledger}:ci-job-spawner`

t.test('the spawner from the chart, in a pod, runs a job', async t => {
  const build = await release.run(`steps: [{ command: "echo from the chart; exit 4" }]`)
  t.match(build.jobs[0], { exitStatus: 4, finishCount: 1 })
  t.match(build.jobs[0]?.log, /from the chart/)
  t.match(build.jobs[0]?.agentName, /^ci-job-spawner-\d+$/)
  t.notMatch(await logsOf(ledger), clusterToken, 'its log does not hold the token')
  t.match(await kubectl(['auth', 'can-i', '--list', `--as=${user}`, '-n', jobs]), /jobs\.batch/)
  t.equal(await canI('get', 'secrets', jobs), 'no', 'nor the secrets of the jobs')
})

t.test('20 jobs run on while the leader stops, in an upgrade, and with one replica', async t => {
  const begun = Array.from({ length: 20 }, () => release.begin(openPipeline(3)).id)
  const running = () => begun.every(id => counted(upstream.job(id)).length > 0)
  await upstream.waitFor(running, { timeoutMs: 180_000, what: 'the first line of each job' })

  const old = await release.leader()
  const stopped = Date.now()
  await kubectl(['delete', 'pod', old.metadata?.name ?? '', ...place, '--wait=false'])
  const next = await release.leader()
  const seconds = (Date.now() - stopped) / 1000
  t.not(next.metadata?.uid, old.metadata?.uid)
  t.ok(seconds < lease.seconds / 2, `another leads long before the lease is over: ${seconds} s`)

  const before = (await release.pods()).map(({ metadata }) => metadata?.uid)
  await release.upgrade({ podAnnotations: { round: '2' } })
  const after = await release.pods()
  t.equal(after.length, 2)
  t.ok(
    after.every(({ metadata }) => !before.includes(metadata?.uid)),
    'the pods are new',
  )
  await release.upgrade({ replicas: 1 })
  t.equal((await release.pods()).length, 1)
  await release.leader()

  const states = begun.map(id => upstream.job(id).state)
  t.same(new Set(states), new Set(['running']), 'the jobs ran all the while')
  await Promise.all(begun.map(async id => letEnd(jobs, await podOf(release, id))))
  await Promise.all(begun.map(id => endsWhole(t, upstream, id, { exitStatus: 3 })))
  await leavesNoOrphan(t, upstream, jobs)
})

t.test('it may do what it wants to do', { skip: !hasAuditLog() && 'no audit log' }, async t => {
  const writes = await writesBetween(from, Date.now(), write => write.user === user)
  t.ok(writes.length > 0)
  t.same(
    writes.filter(({ code }) => code === 403),
    [],
  )
})

t.test('with one replica, and what stays when it is uninstalled', async t => {
  t.equal((await release.run(`steps: [{ command: "true" }]`)).state, 'passed')
  const budgets = await kubectlJson<{ items: object[] }>(['get', 'pdb', ...place])
  t.same(budgets.items, [])
  const notes = await helm(['get', 'notes', 'ci', ...place])
  await helm(['uninstall', 'ci', ...place, '--wait'])
  const left = await objects()
  t.ok(left.length > 0)
  for (const name of left) t.match(name, /^(secret|lease|endpointslice)/)
  const commands = notes.split('\n').filter(line => / kubectl .* delete /.test(line))
  for (const command of commands) await exec('sh', ['-c', command])
  t.same(await objects(), [], 'the commands of the notes delete it')
})

/** What is in the release's namespace, beyond what is in each. */
async function objects(): Promise<string[]> {
  // Its last pod is told to stop, and need not have ended.
  const kinds =
    'deployments,services,secrets,leases,endpointslices,configmaps,serviceaccounts,roles,rolebindings'
  const names = await kubectl(['get', kinds, ...place, '-o', 'name'])
  return names.split('\n').filter(name => !/^$|\/default$|\/kube-root-ca\.crt$/.test(name))
}

async function canI(verb: string, what: string, namespace: string): Promise<string> {
  const question = ['auth', 'can-i', verb, what, `--as=${user}`, '-n', namespace]
  // Its exit status is 1 when the answer is no.
  const answer = await kubectl(question).catch((error: unknown) => String(error))
  return /\bno\s*$/.test(answer) ? 'no' : answer.trim()
}
