import type { Match } from './routes.js'
import type { GatewayRun } from './gateway-run.js'

const uuid = /^[\da-f]{8}-(?:[\da-f]{4}-){3}[\da-f]{12}$/i

/** The ids that a job may name: its own, its build's, its step's. */
export interface OwnIds {
  job: string
  build: string | undefined
  step: string | undefined
}

/** Those of a run. What upstream has not told is nobody's. */
export function ownIds({ jobId, payload }: GatewayRun): OwnIds {
  const { BUILDKITE_BUILD_ID: build, BUILDKITE_STEP_ID: step } = payload.env
  return { job: jobId, build, step }
}

/**
 * Why a job may not make this call, by the ids in its path and query; undefined when it may. A job reaches its own job,
 * build and step. With `allowOtherBuilds` it reaches what upstream lets it, but for the calls that make up a job's life.
 */
export function outOfReach(
  { route, named }: Match,
  own: OwnIds,
  { query, allowOtherBuilds }: { query: URLSearchParams; allowOtherBuilds: boolean },
): string | undefined {
  if (named.job !== undefined && named.job !== own.job && (route.own || !allowOtherBuilds)) {
    return "this token is another job's"
  }
  if (allowOtherBuilds) return undefined
  if (named.build !== undefined && named.build !== own.build) {
    return "this job may not reach other builds than its own (the job spawner's allow-other-builds)"
  }
  if (named.step !== undefined && uuid.test(named.step) && named.step !== own.step) {
    return 'this job may name its own step by its id, and the others of its build by their keys'
  }
  return strangerInQuery(query, own)
}

/**
 * Why a job may not send this body to a step: it must be JSON, and name the job's own build where it names a build. A
 * step that is named by its key is looked for in that build, so a build must be named then.
 */
export function strangerInBody(
  body: Buffer,
  own: OwnIds,
  { byKey }: { byKey: boolean },
): string | undefined {
  const fields = flatObject(body)
  if (!fields) return 'the body of this call must be a flat JSON object'
  const builds = Object.entries(fields).filter(([name]) => names(name, 'build'))
  if (builds.some(([, value]) => value !== own.build)) {
    return 'this job may not reach steps of other builds than its own'
  }
  if (byKey && builds.length === 0) return 'a step that is named by its key needs its build'
  return undefined
}

/** Whether the path names a step by its key, and not the job's own by its id. */
export function byStepKey({ named: { step } }: Match, own: OwnIds): boolean {
  return step !== undefined && step !== own.step && !uuid.test(step)
}

// No call of an agent's names a job or a build there; a router could take it for the one in the path.
function strangerInQuery(query: URLSearchParams, own: OwnIds): string | undefined {
  for (const [name, value] of query) {
    if (names(name, 'job') && value !== own.job) return 'the query names another job'
    if (names(name, 'build') && value !== own.build) return 'the query names another build'
  }
  return undefined
}

// build, build_id, buildId, build_uuid, build[id]
function names(field: string, thing: 'job' | 'build'): boolean {
  const plain = field.toLowerCase().replace(/[^a-z]/g, '')
  return [thing, `${thing}id`, `${thing}uuid`].includes(plain)
}

// With no field twice: which of them counts is each parser's own opinion.
function flatObject(body: Buffer): Record<string, unknown> | undefined {
  if (body.length === 0) return {}
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body)
    const parsed = JSON.parse(text) as unknown
    if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return undefined
    const bare = text.replace(/"(?:[^"\\]|\\.)*"/gs, '""')
    if (/[[\]]|\{.*\{/s.test(bare)) return undefined
    const fields = parsed as Record<string, unknown>
    return bare.split(':').length - 1 === Object.keys(fields).length ? fields : undefined
  } catch {
    return undefined
  }
}
