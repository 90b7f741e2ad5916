import type { Clock } from '../clock.js'
import type { ToldRecord } from '../ledger/record.js'
import type { Log } from '../log.js'
import { annotateCause, type DeliveryContext } from './delivery.js'
import type { Told } from './ending.js'
import type { Journal } from './journal.js'
import { logText } from './log-lines.js'

// A pod's finish comes behind its last chunk, unless the answer to that was lost. The pod waits for ours.
const lastChunkMs = 5_000

/** What is told of a pod's finish, with its place behind the pod's last chunk: to be written down before it is sent. */
export async function placed(
  { cause, fault, message, lines }: Told,
  { journal, clock, log }: { journal: Journal; clock: Clock; log: Log },
): Promise<ToldRecord> {
  if (cause !== undefined) log.info({ cause, fault }, "the pod's end explained")
  await journal.seal()
  await journal.quiet(lastChunkMs, clock)
  const place = journal.position
  const text = logText(lines, clock.now()).toString()
  return {
    ...(cause !== undefined && { cause }),
    ...(fault !== undefined && { fault }),
    message,
    ...(place && { chunk: { text, sequence: place.sequence + 1, offset: place.offset } }),
  }
}

/** Tells it before the finish, which upstream takes for the end of the log; told again after a crash, it is the same. */
export async function tell(
  { cause, message, chunk }: ToldRecord,
  { journal, delivery }: { journal: Journal; delivery: DeliveryContext },
): Promise<void> {
  if (chunk) journal.send({ ...chunk, text: Buffer.from(chunk.text) })
  else if (cause !== undefined) await annotateCause({ cause, message }, delivery)
}
