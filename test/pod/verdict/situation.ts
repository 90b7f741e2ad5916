// The situations in goldens/*.yaml: what the cluster and the gateway know of a run, and what follows. A pod is as the
// API server gives it, no more of it than a rule may look at; most are from a real cluster (Kubernetes 1.34).
import { readdirSync, readFileSync } from 'node:fs'
import { parseDocument, type Document } from 'yaml'
import { explain, type Explanation, type Reported } from '../../../lib/pod/verdict/explain.js'
import type { Limits, Seen } from '../../../lib/pod/verdict/judgement.js'
import { endedContainers } from '../../../lib/pod/verdict/status.js'
import { verdict, type Verdict } from '../../../lib/pod/verdict/verdict.js'

/** Where the situations are. */
export const folder = new URL('goldens/', import.meta.url)

/** The limits of a situation that names none. */
export const limits: Limits = { imagePullMs: 30_000, pendingMs: 900_000, emptyJobMs: 30_000 }

/** A situation, and its place. */
export interface Situation {
  name: string
  url: URL
  document: Document
  content: Content
}

interface Content extends Partial<Omit<Seen, 'now'>> {
  about: string
  /** The time as text; 0 while what a pod's status says may be old. */
  now?: string | 0
  /** What the agent reports. Then it is not judged, but explained. */
  reported?: Reported
  expect?: Verdict | Explanation | 'nothing to explain'
}

/** All situations, by name. */
export function situations(): Situation[] {
  return readdirSync(folder)
    .filter(file => file.endsWith('.yaml'))
    .toSorted()
    .map(file => {
      const url = new URL(file, folder)
      const document = parseDocument(readFileSync(url, 'utf8'))
      return { name: file.replace('.yaml', ''), url, document, content: document.toJS() as Content }
    })
}

/** What follows. */
export function answer({ content }: Situation): NonNullable<Content['expect']> {
  const seen = seenOf(content)
  if (!content.reported) return verdict(seen)
  return explain(content.reported, seen) ?? 'nothing to explain'
}

/** What is known, with what a situation need not say: the end of a container was seen at once. */
export function seenOf({ about: _, expect: __, reported: ___, now, ...rest }: Content): Seen {
  const time = now === undefined || now === 0 ? 0 : Date.parse(now)
  return {
    pod: undefined,
    job: undefined,
    limits,
    podSeenBefore: rest.pod !== undefined,
    endsSeen: endsSeen(rest.pod, time),
    ...rest,
    now: time,
  }
}

function endsSeen(pod: Seen['pod'], now: number): Map<string, number> {
  const ended = pod ? endedContainers(pod) : []
  return new Map(
    ended.map(({ name, state }) => [name, now - Date.parse(String(state.finishedAt ?? ''))]),
  )
}
