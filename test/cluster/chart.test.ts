import t from 'tap'
import { hasAuditLog, writesBetween } from './harness/audit.js'
import { exec } from './harness/exec.js'
import { helm, kubectl, kubectlJson } from './harness/kubectl.js'
import { installRelease, logsOf } from './harness/release.js'
import { clusterToken } from './harness/world.js'

t.test('the spawner from the chart, in a pod, runs a job', async t => {
  const from = Date.now()
  const release = await installRelease(t, { config: { 'max-in-flight': 2 } })
  const { ledger, jobs } = release.namespaces
  const build = await release.run(`steps: [{ command: "echo from the chart; exit 4" }]`)
  t.match(build.jobs[0], { exitStatus: 4, finishCount: 1 })
  t.match(build.jobs[0]?.log, /from the chart/)
  t.match(build.jobs[0]?.agentName, /^ci-job-spawner-\d$/)

  t.notMatch(await logsOf(ledger), clusterToken, 'its log does not hold the token')
  const leader = await release.leader()
  await kubectl(['delete', 'pod', '-n', ledger, leader.metadata?.name ?? ''])
  const next = await release.run(`steps: [{ command: "true" }]`)
  t.equal(next.state, 'passed', 'and the next pod goes on')

  const user = `system:serviceaccount:${ledger}:ci-job-spawner`
  if (hasAuditLog()) {
    const writes = await writesBetween(from, Date.now(), write => write.user === user)
    t.ok(writes.length > 0)
    t.same(
      writes.filter(({ code }) => code === 403),
      [],
      'it may do what it wants to do',
    )
  }
  t.match(await kubectl(['auth', 'can-i', '--list', `--as=${user}`, '-n', jobs]), /jobs\.batch/)
  t.equal(await canI(user, 'get', 'secrets', jobs), 'no', 'nor the secrets of the jobs')
})

t.test('with one replica, and what stays when it is uninstalled', async t => {
  const release = await installRelease(t, { replicas: 1, config: { 'max-in-flight': 1 } })
  t.equal((await release.run(`steps: [{ command: "true" }]`)).state, 'passed')
  const { ledger } = release.namespaces
  const place = ['--namespace', ledger]
  const budgets = await kubectlJson<{ items: object[] }>(['get', 'pdb', ...place])
  t.same(budgets.items, [])

  const notes = await helm(['get', 'notes', 'ci', ...place])
  await helm(['uninstall', 'ci', ...place, '--wait'])
  const kinds = 'all,secrets,leases,endpointslices,configmaps,serviceaccounts,roles,rolebindings'
  const stays = async () => {
    const names = await kubectl(['get', kinds, ...place, '-o', 'name'])
    return names.split('\n').filter(name => !/^$|\/default$|\/kube-root-ca\.crt$/.test(name))
  }
  for (const name of await stays()) t.match(name, /^(secret|lease|endpointslice)/)
  const commands = notes.split('\n').filter(line => / kubectl .* delete /.test(line))
  for (const command of commands) await exec('sh', ['-c', command])
  t.same(await stays(), [], 'the commands of the notes delete it')
})

async function canI(user: string, verb: string, what: string, namespace: string): Promise<string> {
  const question = ['auth', 'can-i', verb, what, `--as=${user}`, '-n', namespace]
  // Its exit status is 1 when the answer is no.
  const answer = await kubectl(question).catch((error: unknown) => String(error))
  return /\bno\s*$/.test(answer) ? 'no' : answer.trim()
}
