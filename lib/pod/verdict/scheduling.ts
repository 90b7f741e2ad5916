import type { V1Pod } from '@kubernetes/client-node'
import type { Seen, Verdict } from './judgement.js'
import { waiting } from './over.js'
import { condition } from './status.js'
import { listOf, quote, textOf } from './words.js'

/** No node has the pod yet; the scheduler says why, and we what would help. */
export function unscheduled({ pod }: Seen): Verdict | undefined {
  const refusal = pod && condition(pod, 'PodScheduled', 'False')
  if (!refusal) return undefined
  const reason = textOf(refusal.reason) || 'Unschedulable'
  const said = textOf(refusal.message)
  if (reason === 'SchedulingGated') {
    return waiting(
      reason,
      'The pod waits at a scheduling gate: whoever put it there opens it.',
      quote(reason, said),
    )
  }
  return waiting(
    reason,
    'No node has taken the pod yet.',
    quote(reason, said),
    ...whatHelps(pod, said),
  )
}

/** No scheduler has looked at the pod yet. */
export function unseen({ pod }: Seen): Verdict | undefined {
  if (!pod || pod.spec?.nodeName || condition(pod, 'PodScheduled', 'True')) return undefined
  const name = textOf(pod.spec?.schedulerName)
  if (name === '' || name === 'default-scheduler') return undefined
  return waiting('Pending', `The scheduler ${name} has not looked at the pod yet: is it there?`)
}

/** What would help, by the words of the scheduler: a line for each thing that some nodes lack. */
export function whatHelps(pod: V1Pod, said: string): string[] {
  // What follows is about other pods, which could make room.
  const [refusals = ''] = said.split(/\.? preemption: |, preemption: /)
  const short = [...refusals.matchAll(/Insufficient ([\w./-]+)/g)].map(([, name = '']) =>
    name.replace(/[.,]+$/, ''),
  )
  const taints = [...refusals.matchAll(/untolerated taint(?:\(s\))? \{([^}]*)\}/g)]
  return [
    ...[...new Set(short)].map(name => shortText(pod, name)),
    ...taints.map(
      ([, taint = '']) =>
        `Nodes have the taint ${taint.replace(/:\s*$/, '')}: a toleration for it would let the pod in.`,
    ),
    ...hints.flatMap(({ words, help }) => (words.test(refusals) ? [help(pod, refusals)] : [])),
  ]
}

function shortText(pod: V1Pod, resource: string): string {
  const asked = requests(pod, resource)
  const what = asked.length === 0 ? 'the pod' : `the pod, which asks for ${asked.join(', ')}`
  return `Nodes have too little ${resource} free for ${what}: ask for less, or wait for other pods to end or for a bigger node.`
}

/** What each container asks for of a resource, as it is written: `4 in container-0`. */
function requests(pod: V1Pod, resource: string): string[] {
  const { initContainers, containers } = pod.spec ?? {}
  return [...listOf(containers), ...listOf(initContainers)].flatMap(({ name, resources }) => {
    const amount = resources?.requests?.[resource] ?? resources?.limits?.[resource]
    return amount === undefined ? [] : [`${amount} in ${name}`]
  })
}

// "0/3 nodes are available: 3 node(s) didn't match ...": no node does.
function allOf(said: string): boolean {
  const [, all] = /^0\/(\d+) nodes/.exec(said) ?? []
  return all !== undefined && new RegExp(`\\b${all} node\\(s\\) didn't match`).test(said)
}

const hints: { words: RegExp; help: (pod: V1Pod, said: string) => string }[] = [
  {
    words: /^0\/0 nodes|no nodes available/,
    help: () => 'The cluster has no nodes: an autoscaler may bring some.',
  },
  {
    words: /didn't match Pod's node affinity|node\(s\) didn't match node selector/,
    help: (pod, said) =>
      `${allOf(said) ? 'No node matches' : 'Not all nodes match'} ${selectorText(pod)}: mend it, or label a node so (kubectl get nodes --show-labels).`,
  },
  {
    words: /didn't match pod (anti-)?affinity|anti-affinity/,
    help: () =>
      "The pod's affinity or anti-affinity to other pods keeps it away: mend it, or wait for those pods.",
  },
  {
    words: /topology spread/,
    help: () => "The pod's topologySpreadConstraints keep it away.",
  },
  {
    // Since Kubernetes 1.34 the scheduler does not always say which.
    words: /untolerated taint(\(s\))?(?![(\w]| ?\{)/,
    help: () =>
      'Nodes have taints (kubectl describe nodes): a toleration for one of them would let the pod in.',
  },
  {
    words: /were unschedulable/,
    help: () => 'Nodes are cordoned (kubectl uncordon lets pods in).',
  },
  {
    words: /Too many pods/,
    help: () => 'Nodes have as many pods as they may: wait for others to end.',
  },
  { words: /free ports/, help: () => "Another pod has the pod's hostPort." },
  {
    words: /volume node affinity|max volume count|available persistent volumes/,
    help: () => "The pod's volumes cannot be had where there is room for it.",
  },
]

function selectorText(pod: V1Pod): string {
  const { nodeSelector, affinity } = pod.spec ?? {}
  const pairs = Object.entries(nodeSelector ?? {}).map(([key, value]) => `${key}=${value}`)
  if (pairs.length === 0) return "the pod's nodeAffinity"
  return `the nodeSelector ${pairs.join(', ')}${affinity?.nodeAffinity ? ' and the nodeAffinity' : ''}`
}
