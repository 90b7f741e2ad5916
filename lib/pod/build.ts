import type { V1Container, V1Job, V1JobSpec, V1PodSpec } from '@kubernetes/client-node'
import { agentContainer } from './agent.js'
import { checkoutContainers } from './checkout.js'
import { commandContainers } from './command.js'
import { copyAgentContainer } from './copy-agent.js'
import { terminationGracePeriodSeconds } from './grace.js'
import type { JobInputs } from './inputs.js'
import { jobMetadata, podMetadata } from './metadata.js'
import { oursOver } from './ours.js'
import type { PodSettings } from './settings.js'
import { ownInitContainers, sidecars } from './sidecars.js'
import { volumes } from './volumes.js'

export type { PodSettings } from './settings.js'

/** The Job that a job becomes. Pure: the same inputs and settings give the same bytes, and neither is touched. */
export function buildJob(inputs: JobInputs, settings: PodSettings): V1Job {
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
    activeDeadlineSeconds: 6 * 60 * 60,
    template: { metadata: podMetadata(inputs, settings), spec: podSpec(inputs, settings) },
  }
}

function podSpec(inputs: JobInputs, settings: PodSettings): V1PodSpec {
  return oursOver(inputs.plugin.podSpec ?? {}, {
    restartPolicy: 'Never',
    terminationGracePeriodSeconds: terminationGracePeriodSeconds(inputs.plugin),
    volumes: volumes(inputs.plugin),
    initContainers: initContainers(inputs, settings),
    containers: containers(inputs, settings),
  })
}

/** In the order in which they run: the workspace first, and the sidecars when all else is ready. */
function initContainers(inputs: JobInputs, settings: PodSettings): V1Container[] {
  return [
    copyAgentContainer(settings),
    ...ownInitContainers(inputs, settings),
    ...sidecars(inputs, settings),
  ]
}

/**
 * In the order in which they are needed: the kubelet starts them so, and each that starts before the pod agent
 * listens loses a second (see the design, "Tried").
 */
function containers(inputs: JobInputs, settings: PodSettings): V1Container[] {
  return [
    agentContainer(inputs, settings),
    ...checkoutContainers(inputs, settings),
    ...commandContainers(inputs, settings),
  ]
}
