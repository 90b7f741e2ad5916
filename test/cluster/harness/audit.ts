import { createReadStream, existsSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { clusterState } from './env.js'

/** One write to the API server. */
export interface Write {
  /** Milliseconds since 1970, when the API server received it. */
  time: number
  verb: string
  /** Such as `jobs` or `pods/status`. */
  resource: string
  namespace: string
  name: string
  userAgent: string
  user: string
  /** HTTP status of the answer. */
  code: number
}

interface AuditEvent {
  stage: string
  verb: string
  requestReceivedTimestamp: string
  userAgent?: string
  user?: { username?: string }
  objectRef?: { resource?: string; subresource?: string; namespace?: string; name?: string }
  responseStatus?: { code?: number }
}

/** Whether the cluster keeps the log of writes that we count in: only ours does. */
export function hasAuditLog(): boolean {
  return existsSync(auditLog)
}

/** The writes between two times (milliseconds since 1970) that fulfil a condition, in the order of the log. */
export async function writesBetween(
  from: number,
  to: number,
  wanted: (write: Write) => boolean = () => true,
): Promise<Write[]> {
  const writes: Write[] = []
  for await (const line of createInterface({ input: createReadStream(auditLog) })) {
    const write = writeOf(line)
    if (write && write.time >= from && write.time <= to && wanted(write)) writes.push(write)
  }
  return writes
}

/** How many writes there are of each kind, as `label` names it: `count(writes, w => w.resource)`. */
export function count(
  writes: readonly Write[],
  label: (write: Write) => string = write => `${write.verb} ${write.resource}`,
): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const write of writes) counts[label(write)] = (counts[label(write)] ?? 0) + 1
  return counts
}

const auditLog = join(clusterState, 'log/audit.log')

function writeOf(line: string): Write | undefined {
  // The last line may be half written.
  if (!line.endsWith('}')) return undefined
  const event = JSON.parse(line) as AuditEvent
  if (event.stage !== 'ResponseComplete') return undefined
  const { resource = '', subresource, namespace = '', name = '' } = event.objectRef ?? {}
  return {
    time: Date.parse(event.requestReceivedTimestamp),
    verb: event.verb,
    resource: subresource === undefined ? resource : `${resource}/${subresource}`,
    namespace,
    name,
    userAgent: event.userAgent ?? '',
    user: event.user?.username ?? '',
    code: event.responseStatus?.code ?? 0,
  }
}
