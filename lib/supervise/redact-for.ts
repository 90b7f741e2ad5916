import type { V1PodSpec } from '@kubernetes/client-node'
import { redactor } from '../pod/last-words/redaction.js'
import type { SupervisedRun } from './supervised-run.js'

// A registry may answer with a whole page. Cut only when nothing is left of a secret that a cut could hide.
const longestLine = 1_500

/**
 * Takes a run's secrets out of a text for people: those of its job's variables, and of the pod that was made for it; of
 * URLs what may sign or name somebody. Very long lines are cut.
 */
export function redactFor(
  { env, redactedVars }: Pick<SupervisedRun, 'env' | 'redactedVars'>,
  podSpec: V1PodSpec | undefined,
): (text: string) => string {
  let redact: ((text: string) => string) | undefined
  // Made when it is needed: most runs have nothing to hide in what Kubernetes says, as it says nothing.
  return text => {
    redact ??= redactor({ env, redactedVars, podSpec })
    return bareUrls(redact(text)).split('\n').map(shortened).join('\n')
  }
}

// A registry's answer may name the place of a layer with a signature in it, which runtimes repeat.
function bareUrls(text: string): string {
  return text.replaceAll(
    /(\bhttps?:\/\/)([^\s"'/?@]+@)?([^\s"'?]*)(\?[^\s"']+)?/g,
    (_, scheme: string, user: string | undefined, place: string, query: string | undefined) =>
      [scheme, user && '[REDACTED]@', place, query && '?[REDACTED]'].join(''),
  )
}

function shortened(line: string): string {
  return line.length <= longestLine ? line : `${line.slice(0, longestLine)} ...`
}
