import {
  answer,
  jsonBody,
  refusal,
  violation,
  type ApiResponse,
  type Call,
  type JobCall,
  type Route,
} from './exchange.js'
import { checkedBody } from './json-call.js'
import type { BuildRecord } from './records.js'

/** The meta-data of builds, which a job reaches by its own id or by the build's. */
export const metaDataRoutes: Route[] = [
  { method: 'POST', path: '/jobs/:job/data/set', token: 'job', handle: set },
  { method: 'POST', path: '/jobs/:job/data/set-batch', token: 'job', handle: setBatch },
  ...['/jobs/:job', '/builds/:build'].flatMap((scope): Route[] => [
    { method: 'POST', path: `${scope}/data/get`, token: 'job', handle: get },
    { method: 'POST', path: `${scope}/data/exists`, token: 'job', handle: exists },
    { method: 'POST', path: `${scope}/data/keys`, token: 'job', handle: keys },
  ]),
]

/** The build that a path means, by its id or by one of its jobs. */
export function buildOf({ world, params }: Call): BuildRecord | undefined {
  const { job, build } = params
  return job === undefined ? world.builds.get(build ?? '') : world.jobs.get(job)?.build
}

const unknown = refusal(404, 'No such job or build')

function set(call: JobCall): ApiResponse {
  const build = buildOf(call)
  if (!build) return unknown
  const checked = checkedBody(call, { key: 'string?', value: 'string?' })
  if ('wrong' in checked) return checked.wrong
  return store(build, [checked.body])
}

function setBatch(call: JobCall): ApiResponse {
  const build = buildOf(call)
  if (!build) return unknown
  const checked = checkedBody(call, { items: 'list' })
  if ('wrong' in checked) return checked.wrong
  return store(build, checked.body['items'] as Record<string, unknown>[])
}

function store(build: BuildRecord, items: Record<string, unknown>[]): ApiResponse {
  // The agent leaves an empty key or value out of the body: Buildkite takes neither.
  if (!items.every(item => isGood(item?.['key']) && isGood(item?.['value']))) {
    return refusal(422, 'A key and a value are needed, and neither may be empty')
  }
  for (const { key, value } of items) build.metaData.set(key as string, value as string)
  return answer()
}

function isGood(text: unknown): boolean {
  return typeof text === 'string' && text !== ''
}

function get(call: JobCall): ApiResponse {
  const build = buildOf(call)
  const key = keyOf(call)
  if (!build || key === undefined) return build ? noKey(call) : unknown
  const value = build.metaData.get(key)
  return value === undefined ? refusal(404, `No key ${key} found`) : answer({ key, value })
}

function exists(call: JobCall): ApiResponse {
  const build = buildOf(call)
  const key = keyOf(call)
  if (!build || key === undefined) return build ? noKey(call) : unknown
  return answer({ exists: build.metaData.has(key) })
}

function keys(call: JobCall): ApiResponse {
  const build = buildOf(call)
  return build ? answer([...build.metaData.keys()].toSorted()) : unknown
}

function keyOf({ request }: JobCall): string | undefined {
  const key = jsonBody(request)?.['key']
  return typeof key === 'string' ? key : undefined
}

function noKey(call: JobCall): ApiResponse {
  return violation(call, 422, 'the body has no key')
}
