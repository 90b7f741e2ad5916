import type { PodSettings } from '../../lib/pod/given/settings.js'

/** What the operator says when they say nothing, and a run that is not real. */
export const podSettings: PodSettings = {
  instance: 'golden',
  namespace: 'buildkite',
  jobPrefix: 'buildkite-',
  jobTtlSeconds: 600,
  jobActiveDeadlineSeconds: 21_600,
  terminationGracePeriodSeconds: 60,
  agentImage: 'buildkite/agent:3',
  gatewayEndpoint: 'http://gateway.example:8480/v3',
}
