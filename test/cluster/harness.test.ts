import t from 'tap'
import { count, hasAuditLog, writesBetween } from './harness/audit.js'
import { agentImage, jobImage } from './harness/env.js'
import { startGitServer } from './harness/git-server.js'
import { buildSpawnerImage, spawnerImage } from './harness/image.js'
import { makeNamespaces } from './harness/namespaces.js'
import { runPod } from './harness/pod.js'

// What the other files stand on. When one of these fails, look here first.

t.test("the image of the built package runs this machine's node, not as root", async t => {
  const { jobs } = await makeNamespaces(t)
  await buildSpawnerImage()
  const { status, log } = await runPod(jobs, {
    image: `${spawnerImage.repository}:${spawnerImage.tag}`,
    command: ['node', '-p', 'JSON.stringify([process.version, process.getuid(), process.cwd()])'],
    securityContext: { runAsNonRoot: true, readOnlyRootFilesystem: true },
  })
  t.equal(status, 0, log)
  t.same(JSON.parse(log), [process.version, 65532, '/app'])
})

t.test('a pod clones from the git server of the suite', async t => {
  const { jobs } = await makeNamespaces(t)
  const { url, branch, commit } = await startGitServer(t, { 'folder/hello.txt': 'hello\n' })
  const { status, log } = await runPod(jobs, {
    image: agentImage,
    command: [
      'sh',
      '-c',
      'git clone -q -b "$1" "$0" /c && cd /c && git rev-parse HEAD && cat folder/*',
    ],
    args: [url, branch],
  })
  t.equal(status, 0, log)
  t.equal(log, `${commit}\nhello\n`)
})

t.test('the exit status of a container is seen', async t => {
  const { jobs } = await makeNamespaces(t)
  const { status } = await runPod(jobs, { image: jobImage, command: ['sh', '-c', 'exit 7'] })
  t.equal(status, 7)
})

t.test(
  'the writes of a namespace are counted',
  { skip: !hasAuditLog() && 'no audit log' },
  async t => {
    const from = Date.now()
    const { jobs } = await makeNamespaces(t)
    await runPod(jobs, { image: jobImage, command: ['true'] })
    const writes = await writesBetween(
      from,
      Date.now(),
      ({ namespace, userAgent }) => namespace === jobs && userAgent.startsWith('kubectl'),
    )
    t.same(count(writes), { 'create pods': 1 })
  },
)
