import type { Path, Source } from '../../pipeline/source.js'
import { findingOf, type Finding } from './finding.js'

/** What agent-stack-k8s does when none of the keys is there, and what we do. */
const defaults: { keys: string[]; message: string; hint: string }[] = [
  {
    keys: ['namespace'],
    message: 'no namespace: there Jobs run in that of the release, or default; here in buildkite',
    hint: 'Write namespace, when Secrets and PodTemplates are to be found where they are.',
  },
  {
    keys: ['queue', 'tags'],
    message: "no queue: there it is the cluster's default queue; here queue=bk-operator",
    hint: 'Write tags: [queue=NAME].',
  },
  {
    keys: ['skip-image-check-containers'],
    message: 'images are checked before a job there; here they are not',
    hint: 'A bad image ends its job with the reason all the same. Write image-check: true to have the check.',
  },
]

/** Notes at the top of agent-stack-k8s' settings: that they are its own, and which of its defaults are not ours. */
export function usualFindings(
  source: Source,
  path: Path,
  settings: Record<string, unknown>,
): Finding[] {
  const own = {
    message: 'these are settings of agent-stack-k8s, which run does not take as they are',
    hint: '--convert prints ours',
  }
  const other = defaults.filter(({ keys }) => !keys.some(key => key in settings))
  return [own, ...other].map(({ message, hint }) =>
    findingOf(source, { path, message, hint }, 'note'),
  )
}
