import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The checkout. */
export const root = fileURLToPath(new URL('../../../', import.meta.url))

/** Folder of the cluster's own state: its programs in bin/, its audit log in log/. */
export const clusterState = process.env['CLUSTER_STATE'] || join(tmpdir(), 'job-spawner-cluster')

/** Folder with the `image` script, which makes an image of a folder and loads it into the cluster. */
export const clusterTools =
  process.env['CLUSTER_TOOLS'] ||
  fileURLToPath(new URL('../../../../shared/cluster', import.meta.url))

/** The cluster that the suite runs in. */
export const kubeconfig = process.env['KUBECONFIG'] || join(clusterState, 'kubeconfig')

/** An image laid out as buildkite/agent:3 is. */
export const agentImage = process.env['JOB_SPAWNER_TEST_AGENT_IMAGE'] || 'local/agent:3'

/** An image with a shell and without buildkite-agent. */
export const jobImage = process.env['JOB_SPAWNER_TEST_JOB_IMAGE'] || 'local/busybox:1'

/** The address at which pods reach this machine. */
export const hostAddress = process.env['JOB_SPAWNER_TEST_HOST_ADDRESS'] || '10.244.0.1'

/** The environment of the programs that we start: the cluster's own programs are found after the machine's. */
export const programEnv: NodeJS.ProcessEnv = {
  ...process.env,
  PATH: `${process.env['PATH'] ?? ''}:${join(clusterState, 'bin')}`,
  KUBECONFIG: kubeconfig,
  CLUSTER_STATE: clusterState,
}
