import type { OptionName } from './schema.js'

/** What became of a key of agent-stack-k8s' config file that is none of ours. */
export interface Moved {
  /** Our setting in its place. */
  becomes?: OptionName
  /** Why, and what to do instead: one or two sentences. */
  why: string
}

const byBuildkite = 'Buildkite hands each job to one of our agents; nothing is polled for jobs.'
const noQueueOfOurs = `${byBuildkite} Remove it; max-in-flight is the number of jobs at once.`
const noReservation = `${byBuildkite} There is no reservation that could expire; remove it.`
const oldApi = 'It belongs to an API of Buildkite that is not used any more. Remove it.'
const renamed = (to: OptionName) => `It is ${to} here, with the same values.`

/**
 * The keys of agent-stack-k8s' config file (v0.47) that we do not have under that name, with what to do instead.
 * A key inside a setting is written with a dot.
 */
export const moved: Readonly<Record<string, Moved>> = {
  image: { becomes: 'agent-image', why: renamed('agent-image') },
  id: {
    becomes: 'name',
    why: 'Write name: it tells installations apart in the ledger and on the Jobs, and names the agents.',
  },
  queue: { becomes: 'tags', why: 'Put it among the tags, as queue=NAME.' },
  'default-image-pull-policy': {
    becomes: 'image-pull-policy',
    why: renamed('image-pull-policy'),
  },
  'default-image-check-pull-policy': {
    becomes: 'image-check-pull-policy',
    why: renamed('image-check-pull-policy'),
  },
  'skip-image-check-containers': {
    becomes: 'image-check',
    why: 'It is the other way round here: images are checked only with image-check: true.',
  },
  workspaceVolume: { becomes: 'workspace-volume', why: renamed('workspace-volume') },
  debug: { becomes: 'log-level', why: 'Write log-level: debug.' },
  'log-format': { why: 'The log is one JSON object a line. Remove it.' },
  'no-color': {
    why: "The spawner's log has no colours. For the agent, write agent-config.no-color.",
  },
  'log-http-payloads': {
    why: 'Bodies hold secrets and are never logged; log-level: debug tells each call. Remove it.',
  },

  'agent-token-secret': {
    becomes: 'token-file',
    why: 'Pods never hold the agent token: the spawner reads it from token-file or BUILDKITE_AGENT_TOKEN (agentTokenSecret of the chart).',
  },
  'agent-config.endpoint': {
    becomes: 'endpoint',
    why: 'Pods speak to the gateway, and the gateway to Buildkite: write endpoint, outside agent-config.',
  },
  'agent-config.no-http2': {
    why: 'The gateway, which pods speak to, has HTTP/1.1 only. Remove it.',
  },
  'health-check-addr': {
    becomes: 'metrics-listen',
    why: 'It is HOST:PORT, and has /healthz and /readyz, beside /metrics and /status.',
  },
  'agent-config.health-check-addr': {
    why: 'The kubelet watches the containers of a pod. Remove it; /healthz of the spawner is at metrics-listen.',
  },

  'poll-interval': {
    why: `${byBuildkite} How often an agent pings is what Buildkite tells it. Remove it.`,
  },
  'pagination-page-size': { why: noQueueOfOurs },
  'pagination-depth-limit': { why: noQueueOfOurs },
  'query-reset-interval': { why: noQueueOfOurs },
  'job-creation-concurrency': { why: noQueueOfOurs },
  'work-queue-limit': { why: noQueueOfOurs },
  'reservation-expiry-seconds': { why: noReservation },
  'stale-job-data-timeout': { why: noReservation },
  'enable-queue-pause': {
    why: 'A queue that is paused at Buildkite hands out no jobs to any agent, ours included. Remove it.',
  },
  'http-timeout': { why: 'The time-outs are those of the agent itself. Remove it.' },
  'k8s-client-rate-limiter-qps': {
    why: "The API server's own flow control paces us, and what it refuses for load is tried again. Remove it.",
  },
  'k8s-client-rate-limiter-burst': {
    why: "The API server's own flow control paces us, and what it refuses for load is tried again. Remove it.",
  },

  'job-cancel-checker-poll-interval': {
    why: 'How often a job is asked for its state is what Buildkite tells the agent. Remove it.',
  },
  'enable-completion-watcher': {
    why: 'Pods that stay after their agent has ended are always removed, unless holdOnFailure keeps them. Remove it.',
  },

  'prometheus-port': {
    becomes: 'metrics-listen',
    why: 'Write metrics-listen: 0.0.0.0:PORT. Without it metrics are at port 9216; to have none outside, write 127.0.0.1:9216.',
  },
  'profiler-address': { why: 'Node has its own profiler: node --inspect. Remove it.' },

  org: { why: 'The agent token says which organisation it is. Remove it.' },
  'cluster-uuid': { why: 'The agent token says which cluster it is. Remove it.' },
  'buildkite-token': { why: oldApi },
  'graphql-token': { why: oldApi },
  'graphql-endpoint': { why: oldApi },
  'graphql-results-limit': { why: oldApi },
}

/** What became of a key, when it is one of agent-stack-k8s' that we do not have. */
export function movedKey(key: string): Moved | undefined {
  return Object.hasOwn(moved, key) ? moved[key] : undefined
}
