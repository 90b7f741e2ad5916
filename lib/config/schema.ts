import { logLevels } from '../log.js'
import { agentVersion } from '../version.js'

/** What every operator setting says of itself. `default: null` means unset. The key is its name in the config file. */
interface Described {
  doc: string
  format: string | readonly (string | null)[]
  default: unknown
  /** How the default reads in the table, where the value itself does not say it. */
  defaultDoc?: string
}

/** A setting of one value, or of a list of words: a flag of the key's name, a variable, a key of the config file. */
export interface Scalar extends Described {
  env: string
  sensitive?: boolean
  repeatable?: boolean
}

/** A setting of many parts, which only the config file can hold. */
export interface Structure extends Described {
  format: 'structure'
  /** What its value fits, or each value of its names when `named`. */
  shape: StructureShape
  named?: boolean
}

/** One operator setting. */
export type Option = Scalar | Structure

/** The schemas of structured settings: a file of `schemas/`, a patch of a PodSpec, or Kubernetes' Volume. */
export type StructureShape =
  | 'agent-config'
  | 'checkout-params'
  | 'command-params'
  | 'pod-metadata'
  | 'resource-class'
  | 'sidecar-params'
  | 'PodSpecPatch'
  | 'Volume'

/**
 * Every setting of `job-spawner run`, as plain data: convict's schema, the flags, the environment variables, the keys
 * of the config file, the README's table and the chart's values schema all come from here. Names are those of
 * agent-stack-k8s where it has the setting too; `moved.ts` has those of its names that are none of ours.
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
  'gateway-service': {
    doc: 'Service without a selector, in the namespace of the ledger, that leads pods to the gateway: whoever holds the lease points it at its own gateway-address.',
    format: 'optional-text',
    default: null,
    env: 'JOB_SPAWNER_GATEWAY_SERVICE',
  },
  'gateway-address': {
    doc: 'IP address of this process, for gateway-service.',
    format: 'optional-ip',
    default: null,
    env: 'JOB_SPAWNER_GATEWAY_ADDRESS',
  },
  'metrics-listen': {
    doc: 'Address that /metrics, /healthz, /readyz and /status are served at, for people and Prometheus; pods of jobs need not reach it.',
    format: 'listen-address',
    default: '0.0.0.0:9216',
    env: 'JOB_SPAWNER_METRICS_LISTEN',
  },
  'lease-duration': {
    doc: 'How long a process that does not renew its lease still counts as alive. Another one takes over after that. From 3s to 60s.',
    format: 'lease-duration',
    default: '10s',
    env: 'JOB_SPAWNER_LEASE_DURATION',
  },
  'allow-other-builds': {
    doc: 'Whether a job may reach artifacts, meta-data and steps of builds other than its own through buildkite-agent, as far as Buildkite lets it.',
    format: 'boolean',
    default: false,
    env: 'JOB_SPAWNER_ALLOW_OTHER_BUILDS',
  },
  'job-prefix': {
    doc: "What the names of Jobs begin with; the job's id follows.",
    format: 'job-prefix',
    default: 'buildkite-',
    env: 'JOB_SPAWNER_JOB_PREFIX',
  },
  'job-ttl': {
    doc: 'How long a finished Job stays.',
    format: 'duration',
    default: '10m',
    env: 'JOB_SPAWNER_JOB_TTL',
  },
  'job-active-deadline-seconds': {
    doc: "How long a Job may take, in seconds; a step's jobActiveDeadlineSeconds says otherwise.",
    format: 'positive-int',
    default: 21_600,
    env: 'JOB_SPAWNER_JOB_ACTIVE_DEADLINE_SECONDS',
  },
  'pod-pending-timeout': {
    doc: "How long a pod may take until its agent runs, from its creation: while it waits for a node, a volume or an image, its job's log tells why.",
    format: 'positive-duration',
    default: '15m',
    env: 'JOB_SPAWNER_POD_PENDING_TIMEOUT',
  },
  'image-pull-backoff-grace-period': {
    doc: 'How long an image that cannot be pulled is tried again when it is not known whether that helps. What cannot pass (no such image, access denied) ends the job at once, what passes (a registry that is busy) waits for pod-pending-timeout.',
    format: 'duration',
    default: '30s',
    env: 'JOB_SPAWNER_IMAGE_PULL_BACKOFF_GRACE_PERIOD',
  },
  'empty-job-grace-period': {
    doc: 'How long a Job may be there without a pod, unless what keeps the pod away may pass, as a quota may.',
    format: 'positive-duration',
    default: '30s',
    env: 'JOB_SPAWNER_EMPTY_JOB_GRACE_PERIOD',
  },
  'container-start-timeout': {
    doc: 'How long the pod agent waits for the other containers of its pod to start; 0s is for ever. container-start-timeout of agent-config, and a patch of the agent container, say otherwise.',
    format: 'duration',
    default: '10m',
    env: 'JOB_SPAWNER_CONTAINER_START_TIMEOUT',
  },
  'max-hold-on-failure': {
    doc: 'How long a failed pod may stay for its author to look into it, at most; 0s allows it to none. A step asks for it with holdOnFailure in its plugin.',
    format: 'duration',
    default: '0s',
    env: 'JOB_SPAWNER_MAX_HOLD_ON_FAILURE',
  },
  'default-termination-grace-period-seconds': {
    doc: 'How long a pod may take to end, in seconds, where neither a podSpec nor a patch says it.',
    format: 'positive-int',
    default: 60,
    env: 'JOB_SPAWNER_DEFAULT_TERMINATION_GRACE_PERIOD_SECONDS',
  },
  'image-pull-policy': {
    doc: 'imagePullPolicy of containers that name none: Always, IfNotPresent or Never.',
    format: ['Always', 'IfNotPresent', 'Never', null],
    default: null,
    defaultDoc: 'unset (Kubernetes decides)',
    env: 'JOB_SPAWNER_IMAGE_PULL_POLICY',
  },
  'image-check': {
    doc: 'Whether an init container pulls each image before anything runs.',
    format: 'boolean',
    default: false,
    env: 'JOB_SPAWNER_IMAGE_CHECK',
  },
  'image-check-pull-policy': {
    doc: 'imagePullPolicy of the image check, in the place of image-pull-policy, for images that no container has a policy for: Always, IfNotPresent or Never.',
    format: ['Always', 'IfNotPresent', 'Never', null],
    default: null,
    defaultDoc: 'as --image-pull-policy',
    env: 'JOB_SPAWNER_IMAGE_CHECK_PULL_POLICY',
  },
  'image-check-container-cpu-limit': {
    doc: 'CPU limit of each container that checks an image.',
    format: 'quantity',
    default: '200m',
    env: 'JOB_SPAWNER_IMAGE_CHECK_CONTAINER_CPU_LIMIT',
  },
  'image-check-container-memory-limit': {
    doc: 'Memory limit of each container that checks an image.',
    format: 'quantity',
    default: '128Mi',
    env: 'JOB_SPAWNER_IMAGE_CHECK_CONTAINER_MEMORY_LIMIT',
  },
  'workspace-mount-sub-path-expr': {
    doc: 'subPathExpr of each of our mounts of the workspace, such as $(POD_NAME); the variables come from a pod-spec-patch.',
    format: 'sub-path',
    default: null,
    env: 'JOB_SPAWNER_WORKSPACE_MOUNT_SUB_PATH_EXPR',
  },
  'additional-redacted-vars': {
    doc: "Names of variables whose values the log does not show, such as *_LICENSE; they add to the agent's own. Repeat the flag, or separate by commas.",
    format: 'words',
    default: null,
    env: 'JOB_SPAWNER_ADDITIONAL_REDACTED_VARS',
    repeatable: true,
  },
  'default-resource-class-name': {
    doc: 'The resource class of steps that name none; one of resource-classes.',
    format: 'optional-text',
    default: null,
    env: 'JOB_SPAWNER_DEFAULT_RESOURCE_CLASS_NAME',
  },
  'prohibit-kubernetes-plugin': {
    doc: 'Whether a job with the kubernetes plugin fails, so that pipelines have no say in their pods.',
    format: 'boolean',
    default: false,
    env: 'JOB_SPAWNER_PROHIBIT_KUBERNETES_PLUGIN',
  },
  'allow-pod-spec-patch-unsafe-command-modification': {
    doc: 'Whether patches may change command and args of our own containers (agent, checkout, copy-agent).',
    format: 'boolean',
    default: false,
    env: 'JOB_SPAWNER_ALLOW_POD_SPEC_PATCH_UNSAFE_COMMAND_MODIFICATION',
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
  'pod-spec-patch': {
    doc: 'Strategic merge patch of every pod; podSpecPatch of a step comes after it.',
    format: 'structure',
    shape: 'PodSpecPatch',
    default: null,
  },
  'workspace-volume': {
    doc: 'Volume of the workspace.',
    format: 'structure',
    shape: 'Volume',
    default: null,
    defaultDoc: 'an emptyDir',
  },
  'agent-config': {
    doc: 'The agent in the pods: hooks, plugins, signing and verification keys, experiments, tracing and the rest.',
    format: 'structure',
    shape: 'agent-config',
    default: null,
  },
  'default-checkout-params': {
    doc: 'checkout of steps whose plugin does not say otherwise.',
    format: 'structure',
    shape: 'checkout-params',
    default: null,
  },
  'default-command-params': {
    doc: 'commandParams of steps whose plugin does not say otherwise.',
    format: 'structure',
    shape: 'command-params',
    default: null,
  },
  'default-sidecar-params': {
    doc: 'sidecarParams of steps whose plugin does not say otherwise.',
    format: 'structure',
    shape: 'sidecar-params',
    default: null,
  },
  'default-metadata': {
    doc: "Labels and annotations of every Job and pod; a step's metadata goes before them.",
    format: 'structure',
    shape: 'pod-metadata',
    default: null,
  },
  'resource-classes': {
    doc: 'Named resources that steps choose with resourceClass in their plugin: name, then resource, podResource, nodeSelector.',
    format: 'structure',
    shape: 'resource-class',
    named: true,
    default: null,
  },
} as const satisfies Record<string, Option>

/** A setting's name: its flag without the dashes, and its key in the config file. */
export type OptionName = keyof typeof options

/** The settings that the config file alone can hold. */
export type StructureName = {
  [Name in OptionName]: (typeof options)[Name] extends Structure ? Name : never
}[OptionName]

/** The settings that are flags and variables as well. */
export type ScalarName = Exclude<OptionName, StructureName>

/** Whether the config file alone can hold a setting. */
export function isStructure(option: Option): option is Structure {
  return option.format === 'structure'
}

/** The scalar settings with their names, in the order of the schema. */
export function scalars(): [ScalarName, Scalar][] {
  const all = Object.entries(options) as [OptionName, Option][]
  return all.filter((entry): entry is [ScalarName, Scalar] => !isStructure(entry[1]))
}

/** The structured settings with their names, in the order of the schema. */
export function structures(): [StructureName, Structure][] {
  const all = Object.entries(options) as [OptionName, Option][]
  return all.filter((entry): entry is [StructureName, Structure] => isStructure(entry[1]))
}
