import type { V1Pod } from '@kubernetes/client-node'
import { orAfter, type Clock } from '../clock.js'
import type { Cluster } from '../cluster/cluster.js'
import { lastWords, wantsLog } from '../pod/last-words/last-words.js'
import type { SupervisedRun } from './supervised-run.js'

// Nobody waits longer for the end of a job because of what a container has said.
const patienceMs = 3_000
const mostContainers = 4
const tailLines = 20

/** The last words of containers that died, as lines of the job's log. What can't be had in time is left out. */
export async function lastWordsOf(
  names: readonly string[],
  pod: V1Pod,
  context: {
    run: Pick<SupervisedRun, 'env' | 'redactedVars' | 'log'>
    cluster: Pick<Cluster, 'podLog'>
    clock: Clock
  },
): Promise<string[]> {
  const { run, cluster, clock } = context
  const podName = pod.metadata?.name ?? ''
  const each = names.slice(0, mostContainers).map(async container => {
    const asked = wantsLog(pod, container)
      ? cluster.podLog(podName, container, tailLines).catch((err: unknown) => {
          run.log.info({ err, container }, 'log of a container not readable')
          return undefined
        })
      : Promise.resolve(undefined)
    const log = await orAfter(asked, patienceMs, { clock, instead: undefined })
    const { env, redactedVars } = run
    return lastWords({ pod, container, log, env: { ...env }, redactedVars })
  })
  return (await Promise.all(each)).flat()
}
