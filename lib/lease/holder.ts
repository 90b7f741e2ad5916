import { randomBytes } from 'node:crypto'
import { readFileSync, readlinkSync } from 'node:fs'
import { hostname } from 'node:os'

/** Where a process runs, so that another can prove that it no longer does. What is not known is left out. */
export interface HolderEvidence {
  podUid?: string
  /** Of the machine: another one after each boot. */
  bootId?: string
  pidNamespace?: string
  pid: number
  /** In ticks since boot: tells a process from a later one with its number. */
  startTime?: string
}

/** Who may hold a lease. */
export interface Holder {
  /** Unique, and begins with the host's name. */
  identity: string
  evidence: HolderEvidence
  /** Whether it is proved that the process of this evidence, which somebody else wrote, runs no more. */
  isDead: (evidence: HolderEvidence) => boolean
}

/** What the machine says of its processes. All but `exists` throw what the system throws. */
export interface ProcessTable {
  read: (path: string) => string
  link: (path: string) => string
  /** Whether there is such a process in our PID namespace, also when /proc hides it. */
  exists: (pid: number) => boolean
}

/** This process, or that of the number. `env.POD_UID` is the UID of its pod, where it runs in one. */
export function thisProcess(
  env: NodeJS.ProcessEnv,
  { pid = process.pid, table = system }: { pid?: number; table?: ProcessTable } = {},
): Holder {
  const own: HolderEvidence = {
    podUid: env['POD_UID'] || undefined,
    bootId: unlessUnknown(() => table.read('/proc/sys/kernel/random/boot_id').trim()),
    pidNamespace: unlessUnknown(() => table.link('/proc/self/ns/pid')),
    pid,
    startTime: unlessUnknown(() => statOf(table.read(`/proc/${pid}/stat`)).startTime),
  }
  return {
    identity: `${hostname()}_${randomBytes(8).toString('hex')}`,
    evidence: own,
    isDead: evidence => isDead(evidence, own, table),
  }
}

/**
 * Whether it is proved that another process is dead: in our PID namespace we look for it; in our pod, elsewhere than in
 * our namespace, it is our predecessor, since a pod has one spawner's container. False where anything is not known.
 */
export function isDead(other: HolderEvidence, own: HolderEvidence, table: ProcessTable): boolean {
  const sameNamespace = same(other.bootId, own.bootId) && same(other.pidNamespace, own.pidNamespace)
  if (sameNamespace) return isGone(other, table)
  return same(other.podUid, own.podUid)
}

/** The evidence in a text that `JSON.stringify` made of it; undefined when it is none. */
export function evidenceOf(
  text: string | undefined,
): (HolderEvidence & { identity?: string }) | undefined {
  const said = unlessUnknown(() => JSON.parse(text ?? '') as Record<string, unknown> | null)
  const pid = said?.['pid']
  if (!said || typeof pid !== 'number' || !Number.isSafeInteger(pid) || pid <= 0) return undefined
  const word = (name: string) => {
    const value = said[name]
    return typeof value === 'string' && value !== '' ? value : undefined
  }
  return {
    identity: word('identity'),
    podUid: word('podUid'),
    bootId: word('bootId'),
    pidNamespace: word('pidNamespace'),
    pid,
    startTime: word('startTime'),
  }
}

function isGone({ pid, startTime }: HolderEvidence, table: ProcessTable): boolean {
  try {
    const stat = statOf(table.read(`/proc/${pid}/stat`))
    // A zombie does nothing any more; its parent has not looked after it yet.
    if (stat.state === 'Z' || stat.state === 'X') return true
    return startTime !== undefined && stat.startTime !== undefined && stat.startTime !== startTime
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return (code === 'ENOENT' || code === 'ESRCH') && !table.exists(pid)
  }
}

/** Fields 3 and 22 of a `stat` file (proc_pid_stat(5)); the second is the command, with blanks and brackets of its own. */
function statOf(stat: string): { state: string | undefined; startTime: string | undefined } {
  const rest = stat
    .slice(stat.lastIndexOf(')') + 1)
    .trim()
    .split(/\s+/)
  const startTime = rest[19]
  return { state: rest[0], startTime: startTime && /^\d+$/.test(startTime) ? startTime : undefined }
}

function same(a: string | undefined, b: string | undefined): boolean {
  return a !== undefined && a === b
}

function unlessUnknown<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}

const system: ProcessTable = {
  read: path => readFileSync(path, 'utf8'),
  link: path => readlinkSync(path),
  exists: pid => {
    try {
      process.kill(pid, 0)
      return true
    } catch (error) {
      return (error as NodeJS.ErrnoException).code !== 'ESRCH'
    }
  },
}
