import type { V1Container } from '@kubernetes/client-node'
import { Problem } from '../../errors.js'
import type { PodSettings } from '../given/settings.js'

/**
 * One of our containers as it came out of the patches, when what it runs is what we gave it to run.
 * @throws Problem JOB_PLUGIN when a patch changed that and the operator does not allow it.
 */
export function sameCommand(
  ours: V1Container,
  patched: V1Container,
  settings: PodSettings,
): V1Container {
  if (settings.allowPodSpecPatchUnsafeCommandModification === true) return patched
  for (const field of ['command', 'args'] as const) {
    if (JSON.stringify(ours[field]) === JSON.stringify(patched[field])) continue
    throw new Problem('JOB_PLUGIN', 'a patch changes what a container of the job spawner runs', {
      where: `a pod spec patch, the container ${ours.name}, ${field}`,
      wanted: 'no command and no args there',
      found: 'a command modification',
      hint: 'the operator may allow it: allow-pod-spec-patch-unsafe-command-modification',
    })
  }
  return patched
}
