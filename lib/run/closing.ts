import type { Clock } from '../clock.js'
import type { FinishOutcome } from '../gateway/gateway-run.js'
import type { ClosingRecord } from '../ledger/record.js'
import type { Log } from '../log.js'
import {
  annotateCause,
  deliverChunk,
  deliverFinish,
  untilTaken,
  type DeliveryContext,
} from './delivery.js'
import { finishOf, type Cause } from './ending.js'
import type { Journal } from './journal.js'
import { closingLines, logText } from './log-lines.js'

/** What closing a run needs of it. */
export interface ClosingContext {
  journal: Journal
  delivery: DeliveryContext
  clock: Clock
  log: Log
  /** How an earlier process was closing it. */
  written: ClosingRecord | undefined
  /** Makes it durable how the run is being closed. */
  keep: (closing: ClosingRecord) => Promise<void>
  /** Whether the pod has written nothing, although it is not known where the log ends. */
  podNeverRan: boolean
}

// Longer than the gateway gives a chunk that is under way.
const chunksMs = 60_000

/**
 * Ends a run that its pod does not end: the lines that say why, then `finish`, tried until upstream takes it or refuses
 * it for good. The same bytes after a crash.
 */
export async function closeRun(
  cause: Cause,
  context: ClosingContext,
): Promise<{ cause: Cause; outcome: FinishOutcome }> {
  const { journal, delivery } = context
  const closing = context.written ?? (await writeClosing(cause, context))
  let lost = closing.lost ?? 0
  if (closing.chunk) {
    const { text, ...place } = closing.chunk
    await journal.settled()
    // Known only now, so that a crash in between tells one less.
    if (!(await deliverChunk({ ...place, text: Buffer.from(text) }, delivery))) lost += 1
  } else {
    await annotateCause(closing.cause, delivery)
  }
  await journal.settled()
  const body = finishOf(closing.cause, { finishedAt: new Date(closing.finishedAt), lost })
  let outcome: FinishOutcome
  do outcome = await deliverFinish(body, untilTaken, delivery)
  while (outcome.state === 'passing')
  return { cause: closing.cause, outcome }
}

async function writeClosing(cause: Cause, context: ClosingContext): Promise<ClosingRecord> {
  const { journal, clock, log } = context
  // Lines that are still being said would take the same place, and so would a chunk whose end is not known.
  await journal.seal()
  await journal.quiet(chunksMs, clock)
  const now = clock.now()
  const { lost } = journal
  const place = journal.position ?? (context.podNeverRan ? journal.openingEnd : undefined)
  const message = lost > 0 ? `${cause.message}\n${lostText(lost)}` : cause.message
  const text = logText(closingLines({ ...cause, message }), now).toString()
  // Chunks that an earlier process forwarded may lie beyond what we know: writing there would destroy them.
  const chunk = place && { text, sequence: place.sequence + 1, offset: place.offset }
  const closing = { chunk, cause: { ...cause, message }, finishedAt: now, lost }
  // A record too large for the ledger is why some runs are closed at all: the job's end matters more.
  await context.keep(closing).catch((error: unknown) => {
    if (!context.delivery.signal.aborted)
      log.warn({ err: error }, 'the end of the run is not in the ledger')
  })
  return closing
}

function lostText(lost: number): string {
  return lost === 1
    ? 'One piece of this log did not reach Buildkite.'
    : `${lost} pieces of this log did not reach Buildkite.`
}
