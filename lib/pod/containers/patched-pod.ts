import type { V1PodSpec } from '@kubernetes/client-node'

/** A pod that patches may still change. */
export interface DraftPod {
  spec: V1PodSpec
  /** The names of the command containers, in the order in which they run. */
  commands: readonly string[]
  /** The names of the sidecars. */
  sidecars: readonly string[]
}

/** What the finishing of one container needs to know of all the others. */
export interface PatchedPod extends DraftPod {
  /** The containers that the pod agent leads, in the order in which they run: the checkout, then the commands. */
  led: readonly string[]
}
