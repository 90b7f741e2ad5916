import { isLabelValue, isMetadataKey } from '../../kubernetes-names.js'
import { pluginPlace, pluginProblem, type KubernetesPlugin } from './plugin.js'

/**
 * Nothing, when Kubernetes takes the plugin's labels and annotations.
 * @throws Problem JOB_PLUGIN at the first that it does not.
 */
export function checkMetadata({ metadata = {} }: KubernetesPlugin): void {
  for (const kind of ['labels', 'annotations'] as const) {
    for (const [key, value] of Object.entries(metadata[kind] ?? {})) {
      const where = `${pluginPlace}, metadata.${kind}.${key}`
      if (!isMetadataKey(key)) {
        const wanted =
          'a key of the form [domain/]name, the name of letters, digits and ._-, 63 at most'
        throw pluginProblem({ where, wanted, found: 'another key' })
      }
      if (kind === 'labels' && !isLabelValue(value)) {
        const wanted = 'letters, digits and ._-, 63 at most, or nothing'
        throw pluginProblem({ where, wanted, found: 'another value' })
      }
    }
  }
}
