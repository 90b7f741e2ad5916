// From kill -9 to consistent, over and over, while jobs run: the program is killed at a moment of chance and started
// again in the same place, between the emulator and the embedded cluster. Run by `npm run bench:restarts`.
//   KILLS   (50)
import { setTimeout as delay } from 'node:timers/promises'
import type { Test } from 'tap'
import { freePort } from '../../harness/ports.js'
import { startWorld } from '../../program/world.js'
import { countingPipeline } from '../harness/counting.js'
import { answersAfter, keepBusy, measure, print, printJobs, printTimes } from './scope.js'

const kills = Number(process.env['KILLS'] || 50)
const to = 20

await measure(25, async scope => {
  const port = await freePort()
  const world = await startWorld(scope as unknown as Test, {
    maxInFlight: 6,
    flags: {
      'gateway-listen': `127.0.0.1:${port}`,
      'gateway-url': `http://127.0.0.1:${port}`,
      'metrics-listen': '127.0.0.1:0',
    },
  })
  const { upstream, spawner, cluster } = world
  const ready = [`http://127.0.0.1:${port}/readyz`]
  await answersAfter(Date.now(), () => ready)
  const pipeline = countingPipeline({ to, seconds: 0.2, exitStatus: 3 })
  const allEnded = keepBusy(upstream, 4, () => world.begin(pipeline).id)
  const consistent: number[] = []
  const led: number[] = []
  for (let i = 0; i < kills; i++) {
    await delay(500 + Math.random() * 2_000)
    const seen = spawner.log.length
    const from = Date.now()
    await spawner.kill('SIGKILL')
    spawner.start()
    consistent.push(await answersAfter(from, () => ready))
    const { ms } = await spawner.waitForLog('leading', { from: seen })
    led.push(Number(ms))
  }
  const jobs = await allEnded()
  printTimes(`kill -9 to consistent, embedded cluster, ${kills} kills`, consistent)
  printTimes('  of that, from the lease to consistent', led)
  printJobs(jobs, to, upstream.violations)
  print(`Jobs for which there is no job: ${orphans(cluster.objects('jobs'), jobs)}`)
})

function orphans(objects: readonly object[], jobs: readonly { id: string }[]): number {
  const known = jobs.map(({ id }) => id)
  return objects.filter(one => !known.some(id => JSON.stringify(one).includes(id))).length
}
