import { logLevels } from '../log.js'
import { agentVersion } from '../version.js'

/** One operator setting. `default: null` means unset. The key is the flag's name and the config file's key. */
export interface Option {
  doc: string
  format: string | readonly (string | null)[]
  default: unknown
  env: string
  /** How the default reads in the table, where the value itself does not say it. */
  defaultDoc?: string
  sensitive?: boolean
  repeatable?: boolean
}

/**
 * Every setting of `job-spawner run`, as plain data: convict's schema, the flags, the environment variables, the keys
 * of the config file, the README's table and the chart's values schema all come from here.
 */
export const options = {
  token: {
    doc: 'Agent token of the Buildkite cluster. Prefer the environment or --token-file: flags can be seen by others.',
    format: 'optional-text',
    default: null,
    defaultDoc: 'required (or --token-file)',
    env: 'BUILDKITE_AGENT_TOKEN',
    sensitive: true,
  },
  'token-file': {
    doc: 'File that holds the agent token.',
    format: 'optional-text',
    default: null,
    env: 'BUILDKITE_AGENT_TOKEN_FILE',
  },
  endpoint: {
    doc: "Buildkite's agent endpoint.",
    format: 'http-url',
    default: 'https://agent-edge.buildkite.com/v3',
    env: 'BUILDKITE_AGENT_ENDPOINT',
  },
  tags: {
    doc: 'Tags that our agents register with, key=value; steps reach us by agents:. Repeat the flag, or separate by commas.',
    format: 'tags',
    default: ['queue=bk-operator'],
    env: 'BUILDKITE_AGENT_TAGS',
    repeatable: true,
  },
  name: {
    doc: 'Name of our agents; %i is the number of the slot. It also names this installation in the ledger and on its Jobs, so keep it the same over restarts.',
    format: 'required-text',
    default: '',
    defaultDoc: 'host name, then -%i',
    env: 'JOB_SPAWNER_NAME',
  },
  'max-in-flight': {
    doc: 'How many jobs run at once. Each takes one registered agent.',
    format: 'positive-int',
    default: 25,
    env: 'JOB_SPAWNER_MAX_IN_FLIGHT',
  },
  namespace: {
    doc: 'Namespace of the Jobs; made when it is missing.',
    format: 'namespace',
    default: 'buildkite',
    env: 'JOB_SPAWNER_NAMESPACE',
  },
  kubeconfig: {
    doc: 'Kubeconfig to use.',
    format: 'optional-text',
    default: null,
    defaultDoc: 'in-cluster, else ~/.kube/config',
    env: 'KUBECONFIG',
  },
  context: {
    doc: 'Context of the kubeconfig.',
    format: 'optional-text',
    default: null,
    defaultDoc: 'its current context',
    env: 'JOB_SPAWNER_CONTEXT',
  },
  'ledger-namespace': {
    doc: "Namespace of the ledger's Secrets; made when it is missing. Never the Jobs' namespace unless named here, because pipelines may mount any Secret there.",
    format: 'optional-namespace',
    default: null,
    defaultDoc: "the spawner's own in a cluster, else job-spawner",
    env: 'JOB_SPAWNER_LEDGER_NAMESPACE',
  },
  'agent-image': {
    doc: 'Image with buildkite-agent, for the agent and checkout containers and for commands that name no image.',
    format: 'required-text',
    default: `buildkite/agent:${agentVersion}`,
    env: 'JOB_SPAWNER_AGENT_IMAGE',
  },
  'gateway-listen': {
    doc: 'Address that the gateway listens on.',
    format: 'listen-address',
    default: '0.0.0.0:8480',
    env: 'JOB_SPAWNER_GATEWAY_LISTEN',
  },
  'gateway-url': {
    doc: 'http://host:port at which pods reach the gateway.',
    format: 'optional-http-url',
    default: null,
    defaultDoc: 'its Service in a cluster; else found out where it can be',
    env: 'JOB_SPAWNER_GATEWAY_URL',
  },
  'job-ttl': {
    doc: 'How long a finished Job stays.',
    format: 'duration',
    default: '10m',
    env: 'JOB_SPAWNER_JOB_TTL',
  },
  'image-pull-policy': {
    doc: 'imagePullPolicy of containers that name none: Always, IfNotPresent or Never.',
    format: ['Always', 'IfNotPresent', 'Never', null],
    default: null,
    defaultDoc: 'unset (Kubernetes decides)',
    env: 'JOB_SPAWNER_IMAGE_PULL_POLICY',
  },
  'shutdown-grace': {
    doc: 'On SIGTERM, how long running jobs may go on before they are handed over to the next process.',
    format: 'duration',
    default: '30s',
    env: 'JOB_SPAWNER_SHUTDOWN_GRACE',
  },
  'log-level': {
    doc: 'debug, info, warn, error or silent.',
    format: logLevels,
    default: 'info',
    env: 'JOB_SPAWNER_LOG_LEVEL',
  },
} as const satisfies Record<string, Option>

/** A setting's name: its flag without the dashes, and its key in the config file. */
export type OptionName = keyof typeof options
