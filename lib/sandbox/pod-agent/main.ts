// The program that plays one pod of the embedded cluster: lib/sandbox/cluster starts it, one process for each pod.
import { createInterface } from 'node:readline'
import { systemClock } from '../../clock.js'
import { runPodAgent } from './agent.js'
import type { PodInput, PodReport } from './input.js'
import { killGroup } from './process-group.js'

const stop = new AbortController()
const groups = new Set<number>()
process.on('SIGTERM', () => stop.abort())

const lines = createInterface(process.stdin)
lines.once('line', text => {
  runPodAgent({
    input: JSON.parse(text) as PodInput,
    clock: systemClock,
    report,
    stop: stop.signal,
  }).then(
    exitCode => process.exit(exitCode),
    (error: unknown) => {
      process.stderr.write(`sandbox agent: ${(error as Error).stack}\n`)
      process.exit(1)
    },
  )
})
// The kubelet keeps the pipe open for as long as it lives: without it this pod has no node any more.
lines.once('close', () => {
  for (const pid of groups) killGroup(pid, 'SIGKILL')
  process.exit(1)
})

function report(said: PodReport): void {
  if (said.type === 'group') groups.add(said.pid)
  if (said.type === 'group-over') groups.delete(said.pid)
  process.stdout.write(`${JSON.stringify(said)}\n`)
}
