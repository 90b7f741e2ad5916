import { readdirSync, readFileSync } from 'node:fs'
import { parse } from 'yaml'

/** One patch, and what becomes of it: a file of `cases/`. */
export interface MergeCase {
  /** The file's name, without its ending. */
  name: string
  why: string
  /** What Kubernetes calls the object; PodSpec when absent. */
  definition?: string
  /** Why the API server cannot be asked about this case. */
  offline?: string
  original: Record<string, unknown>
  patch: Record<string, unknown>
  merged?: Record<string, unknown>
  refused?: { in: string; path: (string | number)[]; wanted: string; found: string }
}

/** All cases, the same for us and for the API server. */
export function mergeCases(): MergeCase[] {
  const folder = new URL('cases/', import.meta.url)
  return readdirSync(folder).map(file => ({
    name: file.replace('.yaml', ''),
    ...(parse(readFileSync(new URL(file, folder), 'utf8')) as Omit<MergeCase, 'name'>),
  }))
}
