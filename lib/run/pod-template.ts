import type { V1PodSpec } from '@kubernetes/client-node'
import type { Clock } from '../clock.js'
import type { Cluster } from '../cluster/cluster.js'
import { isClusterError } from '../cluster/cluster-error.js'
import { Problem } from '../errors.js'
import type { JobInputs } from '../pod/given/inputs.js'
import { pluginPlace, pluginProblem, podTemplateName } from '../pod/given/plugin.js'
import { patiently } from './patiently.js'
import type { Run } from './run.js'

const where = `${pluginPlace}, podTemplate`

/**
 * The podSpec of the PodTemplate that the step names; undefined when it names none, or has a podSpec of its own.
 * @throws Problem JOB_PLUGIN when there is no such PodTemplate, JOB_REFUSED when we may not read it.
 */
export async function podTemplateOf(
  run: Run,
  { plugin }: JobInputs,
  { cluster, clock }: { cluster: Cluster; clock: Clock },
): Promise<V1PodSpec | undefined> {
  const name = podTemplateName(plugin)
  if (name === undefined) return undefined
  const words = {
    told: `Kubernetes does not give the PodTemplate ${name} yet`,
    logged: 'PodTemplate not read yet',
  }
  try {
    const template = await patiently(run, { ...words, clock }, () => cluster.getPodTemplate(name))
    if (template) return template.template?.spec
  } catch (error) {
    if (isClusterError(error)) throw unreadable(error.message, cluster)
    throw error
  }
  throw pluginProblem({
    where,
    wanted: `a PodTemplate ${JSON.stringify(name)} in namespace ${cluster.namespace}`,
    found: 'none of that name',
    hint: 'mend the name, or ask who runs the cluster for the PodTemplate',
  })
}

function unreadable(found: string, { namespace }: Cluster): Problem {
  return new Problem('JOB_REFUSED', "Kubernetes refuses the step's PodTemplate", {
    where,
    wanted: `the right to get podtemplates in namespace ${namespace}, for the job spawner`,
    found,
    hint: 'ask who runs the cluster to grant that right, or write the podSpec into the step',
  })
}
