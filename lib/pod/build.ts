import type { V1Job, V1JobSpec, V1PodSpec } from '@kubernetes/client-node'
import { draftPod } from './draft.js'
import { finishedPod } from './finish.js'
import type { JobInputs } from './given/inputs.js'
import { jobMetadata, podMetadata } from './metadata.js'
import { patchedPod } from './patch.js'
import { refuseMountInside, refusePlugin } from './policy.js'
import type { PodSettings } from './given/settings.js'

export type { PodSettings } from './given/settings.js'

/**
 * The Job that a job becomes. Pure: the same inputs and settings give the same bytes, and neither is touched.
 * @throws Problem JOB_PLUGIN, JOB_INVALID (the step's fault) or POD_SETTINGS (the operator's).
 */
export function buildJob(inputs: JobInputs, settings: PodSettings): V1Job {
  refusePlugin(inputs, settings)
  refuseMountInside(inputs, settings)
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: jobMetadata(inputs, settings),
    spec: jobSpec(inputs, settings),
  }
}

function jobSpec(inputs: JobInputs, settings: PodSettings): V1JobSpec {
  return {
    // A pod that fails is not tried again: whether a job is retried is Buildkite's to say.
    backoffLimit: 0,
    ttlSecondsAfterFinished: settings.jobTtlSeconds,
    activeDeadlineSeconds:
      inputs.plugin.jobActiveDeadlineSeconds ?? settings.jobActiveDeadlineSeconds,
    template: { metadata: podMetadata(inputs, settings), spec: podSpec(inputs, settings) },
  }
}

/**
 * Authors' words first, ours last: the draft is the pod as its authors see it and patch it, with their commands in
 * place; what must be as it is for the pod to work is put in when all have spoken.
 */
function podSpec(inputs: JobInputs, settings: PodSettings): V1PodSpec {
  const draft = draftPod(inputs, settings)
  return finishedPod(patchedPod(draft, inputs, settings), inputs, settings)
}
