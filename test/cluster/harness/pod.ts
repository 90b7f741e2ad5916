import { randomBytes } from 'node:crypto'
import type { V1Container, V1Pod } from '@kubernetes/client-node'
import { apply, eventually, kubectl, kubectlJson } from './kubectl.js'

/** What a pod of one container left behind. */
export interface PodOutcome {
  log: string
  status: number
}

/** Runs one container to its end in a pod of its own, which goes with its namespace. */
export async function runPod(
  namespace: string,
  container: Omit<V1Container, 'name'>,
): Promise<PodOutcome> {
  const name = `pod-${randomBytes(4).toString('hex')}`
  await apply({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace },
    spec: {
      restartPolicy: 'Never',
      containers: [{ name: 'main', imagePullPolicy: 'Never', ...container }],
    },
  })
  const status = await eventually(`the end of the pod ${name}`, async () => {
    const pod = await kubectlJson<V1Pod>(['get', 'pod', name, '-n', namespace])
    return pod.status?.containerStatuses?.[0]?.state?.terminated?.exitCode
  })
  return { status, log: await kubectl(['logs', name, '-n', namespace]) }
}
