// How long it takes until another replica leads, on the real cluster, from the chart, while jobs run. Run by
// `npm run bench:take-over`, with the environment variables of the cluster suite.
//   DEAD    leaders that die with their pod, so that the other replica waits for the lease to be over (20)
//   STOPS   leaders that are told to stop and hand over (10)
//   KILLS   leaders that are killed and come back in their pod, or are too late for it (5)
import { setTimeout as delay } from 'node:timers/promises'
import type { V1Pod } from '@kubernetes/client-node'
import { countingPipeline } from '../harness/counting.js'
import { eventually, kubectl, kubectlJson } from '../harness/kubectl.js'
import { installRelease, type Release } from '../harness/release.js'
import { gatewayPort, killSpawner, processOf } from '../harness/spawner-pods.js'
import { answersAfter, keepBusy, measure, printJobs, printTimes } from './scope.js'

const to = 60
const counts = {
  dead: Number(process.env['DEAD'] || 20),
  stops: Number(process.env['STOPS'] || 10),
  kills: Number(process.env['KILLS'] || 5),
}

await measure(30, async scope => {
  const release = await installRelease(scope, { config: { 'max-in-flight': 6 } })
  const pipeline = countingPipeline({ to, seconds: 0.5, exitStatus: 3 })
  const allEnded = keepBusy(release.upstream, 4, () => release.begin(pipeline).id)
  await repeat(release, counts.dead, 'the leader is dead, and its pod gone', diesWithItsPod)
  await repeat(release, counts.stops, 'the leader is told to stop', stops)
  await repeat(release, counts.kills, 'the leader is killed in its pod', async pod => {
    killSpawner(pod)
  })
  printJobs(await allEnded(), to, release.upstream.violations)
})

async function repeat(
  release: Release,
  times: number,
  what: string,
  end: (leader: V1Pod) => Promise<void>,
): Promise<void> {
  const leads: number[] = []
  const leadsTo: number[] = []
  const service = await serviceUrl(release)
  for (let i = 0; i < times; i++) {
    await eventually('two replicas', async () => (await bothReady(release)) || undefined)
    await delay(2_000 + Math.random() * 3_000)
    const leader = await release.leader()
    const pods = await watchPods(release)
    const ended = end(leader)
    const from = Date.now()
    // A leader that is told to stop may answer for another moment: who leads next is not it.
    const isNext = (pod: V1Pod) => what.includes('killed') || !isSame(pod, leader)
    await ended
    leads.push(await answersAfter(from, () => pods.now().filter(isNext).flatMap(readyUrl)))
    leadsTo.push(await answersAfter(from, () => [service]))
    pods.stop()
  }
  printTimes(`${what}: another one leads`, leads)
  printTimes('  and the Service leads to it', leadsTo)
}

function isSame(a: V1Pod, b: V1Pod): boolean {
  return a.metadata?.uid === b.metadata?.uid
}

function readyUrl({ status }: V1Pod): string[] {
  return status?.podIP === undefined ? [] : [`http://${status.podIP}:${gatewayPort}/readyz`]
}

/** The pods that there are, looked at twice a second: the one that comes in the place of another may lead first. */
async function watchPods(release: Release): Promise<{ now: () => V1Pod[]; stop: () => void }> {
  let pods = await release.pods()
  const look = () =>
    void release.pods().then(
      found => (pods = found),
      () => undefined,
    )
  const timer = setInterval(look, 500)
  return { now: () => pods, stop: () => clearInterval(timer) }
}

async function diesWithItsPod({ metadata, ...pod }: V1Pod): Promise<void> {
  const pid = processOf({ metadata, ...pod })
  // Dead from here on: it hears nothing of its pod's end, and its container is not started again.
  process.kill(pid, 'SIGSTOP')
  const place = ['-n', metadata?.namespace ?? '', metadata?.name ?? '']
  await kubectl(['delete', 'pod', ...place, '--force', '--grace-period=0'])
  process.kill(pid, 'SIGKILL')
}

async function stops({ metadata }: V1Pod): Promise<void> {
  const place = ['-n', metadata?.namespace ?? '', metadata?.name ?? '']
  await kubectl(['delete', 'pod', ...place, '--wait=false'])
}

async function bothReady(release: Release): Promise<boolean> {
  const pods = await release.pods()
  const ready = ({ status }: V1Pod) =>
    status?.conditions?.some(one => one.type === 'Ready' && one.status === 'True')
  return pods.length === 2 && pods.every(ready)
}

async function serviceUrl({ namespaces }: Release): Promise<string> {
  const get = ['get', 'service', 'ci-job-spawner', '-n', namespaces.ledger]
  const { spec } = await kubectlJson<{ spec: { clusterIP: string } }>(get)
  return `http://${spec.clusterIP}:${gatewayPort}/readyz`
}
