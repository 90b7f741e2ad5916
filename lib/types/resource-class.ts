// Generated from schemas/resource-class.json by `npm run generate`. Do not edit.
import type {V1ResourceRequirements} from '@kubernetes/client-node'

/**
 * A named set of resources that steps choose, of the operator's `resource-classes`.
 */
export interface ResourceClass {
  resource?: V1ResourceRequirements
  podResource?: V1ResourceRequirements
  /**
   * Labels of the nodes that the pod may run on, merged onto its own.
   */
  nodeSelector?: {
    [k: string]: string
  }
}
