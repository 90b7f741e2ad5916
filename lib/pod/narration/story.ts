import { containerFacts } from './container-facts.js'
import { elapsedFacts } from './elapsed.js'
import type { Fact, Known, StorySeen } from './facts.js'
import { imageFacts } from './image-facts.js'
import { jobFacts } from './job-facts.js'
import { nodeFacts } from './node-facts.js'
import { volumeFacts } from './volume-facts.js'
import { waitingFacts } from './waiting-facts.js'
import { warningFacts } from './warning-facts.js'

export type { Fact, StorySeen } from './facts.js'

/**
 * What there is to tell of a pod that has not come to run its job, in the order in which it happened. What is over and
 * no longer matters, such as why no node took a pod that has one, is not in it.
 */
export function story(seen: StorySeen): Fact[] {
  const known: Known = { ...seen, redact: seen.redact ?? (text => text) }
  return chapters.flatMap(chapter => chapter(known)).toSorted((a, b) => a.atMs - b.atMs)
}

// Kubernetes tells times in seconds. Of facts of the same second the earlier chapter's goes first: what a pod waits for
// stands where it is on its way.
const chapters: readonly ((known: Known) => Fact[])[] = [
  jobFacts,
  known => (hasNode(known) ? [] : troubles(known)),
  nodeFacts,
  volumeFacts,
  imageFacts,
  known => (hasNode(known) ? troubles(known) : []),
  containerFacts,
  elapsedFacts,
]

function troubles(known: Known): Fact[] {
  return [...waitingFacts(known), ...warningFacts(known)]
}

function hasNode({ pod }: Known): boolean {
  return Boolean(pod?.spec?.nodeName)
}
