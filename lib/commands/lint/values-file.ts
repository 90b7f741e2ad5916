import { nearest } from '../../schemas.js'
import { valueAt, type Source } from '../../pipeline/source.js'
import { isMap } from '../../pipeline/values.js'
import type { OptionName } from '../../config/schema.js'
import { configFindings } from './config-file.js'
import { findingOf, type Finding } from './finding.js'
import { converted, hasPeerConfig, peerConfigFindings, type Settings } from './peer-config.js'

/** The keys of our chart's values; a test holds them to the chart's own schema. */
export const chartKeys = [
  'agentToken',
  'agentTokenSecret',
  'config',
  'createNamespace',
  'replicas',
  'image',
  'imagePullSecrets',
  'serviceAccount',
  'rbac',
  'resources',
  'terminationGracePeriodSeconds',
  'clusterDomain',
  'networkPolicy',
  'monitoring',
  'podLabels',
  'podAnnotations',
  'priorityClassName',
  'nodeSelector',
  'tolerations',
  'affinity',
  'topologySpreadConstraints',
  'extraEnv',
  'nameOverride',
  'fullnameOverride',
  'global',
]

/**
 * The settings that the chart's `config` does not take: in a pod the token comes from the chart's Secret, the cluster is
 * the one that the pod is in, and the Service is the chart's own.
 */
export const notInChart: OptionName[] = [
  'token',
  'token-file',
  'kubeconfig',
  'context',
  'gateway-service',
  'gateway-address',
]

/** What is wrong with the values of our chart; with those of agent-stack-k8s' chart, what they amount to. */
export function valuesFindings(source: Source): Finding[] {
  if (isPeerValues(source)) {
    const notes = keysOf(source).flatMap(key => valueNote(source, key))
    return [...notes, ...peerConfigFindings(source, ['config'])]
  }
  const unknown = keysOf(source).filter(key => !chartKeys.includes(key))
  const keys = unknown.map(key => {
    const near = nearest(key, chartKeys)
    return findingOf(source, {
      path: [key],
      message: 'unknown value of the chart',
      wanted: `one of: ${chartKeys.toSorted().join(', ')}`,
      found: JSON.stringify(key),
      hint: near === undefined ? 'remove the key' : `did you mean ${near}?`,
    })
  })
  return [...keys, ...tokenFindings(source), ...configFindings(source, ['config'], notInChart)]
}

// The chart refuses both; that there is neither is no fault, because --set may give one.
function tokenFindings(source: Source): Finding[] {
  const [first, second] = ['agentToken', 'agentTokenSecret'].filter(key =>
    Boolean(valueAt(source.value, [key])),
  )
  if (first === undefined || second === undefined) return []
  const message = `${first} and ${second} are both set`
  return [findingOf(source, { path: [second], message, wanted: 'one of them', hint: 'remove one' })]
}

/** Whether the values are those of agent-stack-k8s' chart. */
export function isPeerValues(source: Source): boolean {
  const keys = keysOf(source)
  if (keys.some(key => key in movedValues && movedValues[key]?.theirs)) return true
  return hasPeerConfig(source, ['config'])
}

function keysOf({ value }: Source): string[] {
  return isMap(value) ? Object.keys(value) : []
}

interface MovedValue {
  becomes?: string
  why?: string
  /** Whether our chart has no such key. */
  theirs?: true
}

/** The values of agent-stack-k8s' chart (v0.47), and what they are in ours. */
const movedValues: Record<string, MovedValue> = {
  config: { becomes: 'config' },
  agentToken: { becomes: 'agentToken' },
  agentStackSecret: {
    theirs: true,
    becomes: 'agentTokenSecret',
    why: 'The Secret has the same key, BUILDKITE_AGENT_TOKEN, and stands in the namespace of the release.',
  },
  graphqlToken: { theirs: true, why: 'Nothing uses that API any more. Remove it.' },
  image: {
    becomes: 'image.repository and image.tag',
    why: 'It is the image of the controller itself: name yours.',
  },
  controllerEnv: { theirs: true, becomes: 'extraEnv' },
  resources: { becomes: 'resources' },
  nodeSelector: { becomes: 'nodeSelector' },
  tolerations: { becomes: 'tolerations' },
  labels: { theirs: true, becomes: 'podLabels' },
  annotations: { theirs: true, becomes: 'podAnnotations' },
  secretsMetadata: {
    theirs: true,
    why: 'Make the Secret yourself, and name it in agentTokenSecret.',
  },
  serviceAccountMetadata: {
    theirs: true,
    becomes: 'serviceAccount.annotations',
    why: 'Its annotations only.',
  },
  monitoring: {
    becomes: 'monitoring.podMonitor',
    why: 'Its podMonitor is as there. There is no dashboard.',
  },
  nameOverride: { becomes: 'nameOverride' },
  fullnameOverride: { becomes: 'fullnameOverride' },
}

function valueNote(source: Source, key: string): Finding[] {
  if (key === 'config') return []
  const known = Object.hasOwn(movedValues, key) ? movedValues[key] : undefined
  const path = [key]
  if (!known) {
    const message = `${key} is known neither to agent-stack-k8s nor here`
    return [findingOf(source, { path, message, hint: 'remove the key' }, 'warning')]
  }
  const { becomes, why } = known
  const change = becomes === key ? `${key} carries over as it is` : `${key} becomes ${becomes}`
  const message = becomes === undefined ? `${key} does not carry over` : change
  return [findingOf(source, { path, message, ...(why === undefined ? {} : { hint: why }) }, 'note')]
}

/** What the values of agent-stack-k8s' chart are in ours. */
export function convertedValues(source: Source): Settings {
  const plain = keysOf(source).flatMap((key): [string, unknown][] => {
    const becomes = Object.hasOwn(movedValues, key) ? movedValues[key]?.becomes : undefined
    if (becomes === undefined || !/^\w+$/.test(becomes) || key === 'config') return []
    return [[becomes, valueAt(source.value, [key])]]
  })
  const annotations = valueAt(source.value, ['serviceAccountMetadata', 'annotations'])
  const podMonitor = valueAt(source.value, ['monitoring', 'podMonitor'])
  const config = valueAt(source.value, ['config'])
  const values = Object.fromEntries(plain)
  // There a Secret goes before a token; here one of them has to go.
  if (values['agentTokenSecret']) delete values['agentToken']
  return {
    ...values,
    ...(annotations === undefined ? {} : { serviceAccount: { annotations } }),
    ...(podMonitor === undefined ? {} : { monitoring: { podMonitor } }),
    config: withoutRefused(converted(isMap(config) ? config : {})),
  }
}

function withoutRefused(settings: Settings): Settings {
  return Object.fromEntries(
    Object.entries(settings).filter(([key]) => !(notInChart as string[]).includes(key)),
  )
}
