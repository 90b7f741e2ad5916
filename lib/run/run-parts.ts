import type { Chunk } from '../upstream/jobs.js'
import { Journal } from './journal.js'
import { PodBinding } from './pod-binding.js'
import type { RunMemory } from './run-memory.js'
import type { RunOptions } from './run-options.js'

/** A run's journal, which goes on where an earlier process left it as far as that is known. */
export function journalOf(
  { state: { opening, cursor }, restored }: RunOptions,
  memory: RunMemory,
  upload: (chunk: Chunk) => Promise<boolean>,
): Journal {
  return new Journal({
    opening,
    cursor: restored ? cursor : { sequence: opening.sequence, offset: opening.bytes },
    sealed: restored,
    upload,
    keep: next => memory.keepOpening(next),
    note: next => memory.note({ opening: next }),
  })
}

/** Which pod has the run. */
export function bindingOf(
  { state, restored, isFirstPod }: RunOptions,
  memory: RunMemory,
): PodBinding {
  return new PodBinding({
    uid: state.podUid,
    restored,
    isFirst: async uid => isFirstPod?.(uid) ?? true,
    onBound: podUid => memory.note({ podUid }),
  })
}
