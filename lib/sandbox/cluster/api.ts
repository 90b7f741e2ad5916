import type { ServerResponse } from 'node:http'
import { randomBytes } from 'node:crypto'
import type { Clock } from '../../clock.js'
import {
  createObject,
  deleteObject,
  readObject,
  replaceObject,
  type DeleteOptions,
  type Place,
} from './crud.js'
import type { Kubelet } from './kubelet.js'
import type { PodObject, StoredObject } from './objects.js'
import { mergePatched } from './merge-patch.js'
import { page } from './paging.js'
import { podLog } from './pod-log.js'
import type { PodTokens } from './pod-tokens.js'
import { apiVersion, resources, type ResourceType } from './resources.js'
import type { target as findTarget, Target } from './router.js'
import { selector } from './selectors.js'
import { badRequest, failure, Refusal } from './status.js'
import type { Storage } from './storage.js'
import { isAuthenticated, reviewed } from './token-review.js'
import type { Watches } from './watch.js'
import { isDryRun, isStrict, refuseDryRun, refuseUnknownFields } from './write-options.js'

/** A request, read. */
export interface ApiRequest {
  method: string
  target: ReturnType<typeof findTarget>
  query: URLSearchParams
  body: unknown
  /** Of the body; undefined when there is none. */
  contentType?: string | undefined
}

/** What is answered: JSON, bytes, or a stream that is opened on the response. */
export type Reply =
  | { status: number; json: object }
  | { status: number; text: Buffer | string }
  | { open(response: ServerResponse): void }

/** A write that was done, for `EmbeddedCluster.writes`. */
export interface Write {
  verb: 'create' | 'update' | 'delete'
  namespace: string | undefined
  kind: string
  name: string
}

/** What the answers are made of. */
export interface Parts {
  storage: Storage
  kubelet: Kubelet
  watches: Watches
  tokens: PodTokens
  clock: Clock
  watchTimeoutMs: number
  wrote(write: Write): void
  reviewed(review: { authenticated: boolean }): void
}

/** The answer to a request. @throws Refusal, whose body is the answer then. */
export function answer(parts: Parts, request: ApiRequest): Reply {
  const { target, method } = request
  if (!target) throw new Refusal(failure(404, 'the server could not find the requested resource'))
  if (target.page === 'health') return { status: 200, text: 'ok' }
  if (target.page === 'version') return { status: 200, json: versionInfo }
  if (target.page === 'token-reviews') return review(parts, request)
  if (target.subresource !== undefined) return subresource(parts, target, request)
  const place = { resource: target.resource, namespace: target.namespace }
  const { name } = target
  if (method === 'GET' && name !== undefined) return ok(readObject(parts.storage, place, name))
  if (method === 'GET') return many(parts, place, request.query)
  if (method === 'POST' && name === undefined) return create(parts, place, request)
  if (method === 'PUT' && name !== undefined) return replace(parts, place, { request, name })
  if (method === 'PATCH' && name !== undefined) return patch(parts, place, { request, name })
  if (method === 'DELETE' && name !== undefined) return remove(parts, place, { request, name })
  throw notAllowed()
}

function review(parts: Parts, request: ApiRequest): Reply {
  if (request.method !== 'POST') throw notAllowed()
  const json = reviewed(parts.tokens, objectBody(request))
  parts.reviewed({ authenticated: isAuthenticated(json) })
  return { status: 201, json }
}

type Objects = Extract<Target, { page: 'objects' }>

function subresource(parts: Parts, target: Objects, request: ApiRequest): Reply {
  const { resource, name = '', namespace } = target
  if (resource !== 'pods' || target.subresource !== 'log') {
    throw new Refusal(failure(404, 'the server could not find the requested resource'))
  }
  if (request.method !== 'GET') throw notAllowed()
  const pod = readObject(parts.storage, { resource, namespace }, name) as PodObject
  const { query } = request
  const text = podLog(
    pod,
    {
      container: query.get('container') ?? undefined,
      tailLines: integer(query, 'tailLines'),
      limitBytes: integer(query, 'limitBytes'),
    },
    container => parts.kubelet.log(pod.metadata.uid, container),
  )
  return { status: 200, text }
}

function many(parts: Parts, place: Place, query: URLSearchParams): Reply {
  const match = selector(place.resource, {
    labelSelector: query.get('labelSelector') ?? '',
    fieldSelector: query.get('fieldSelector') ?? '',
  })
  const what = { ...place, match }
  if (['1', 'true'].includes(query.get('watch') ?? '')) {
    const seconds = integer(query, 'timeoutSeconds')
    const watch = {
      ...what,
      revision: integer(query, 'resourceVersion') || undefined,
      bookmarks: ['1', 'true'].includes(query.get('allowWatchBookmarks') ?? ''),
      timeoutMs: Math.min((seconds || Infinity) * 1000, parts.watchTimeoutMs),
    }
    return { open: response => parts.watches.open(response, watch) }
  }
  const continueToken = query.get('continue') || undefined
  const found = page(parts.storage, what, { limit: integer(query, 'limit'), continueToken })
  const { kind } = resources[place.resource]
  return ok({
    kind: `${kind}List`,
    apiVersion: apiVersion(place.resource),
    metadata: {
      resourceVersion: String(found.revision),
      ...(found.continueToken === undefined ? {} : { continue: found.continueToken }),
    },
    // The items of a list do not say what they are; the list does.
    items: found.items.map(item => ({ ...item, apiVersion: undefined, kind: undefined })),
  })
}

function create(parts: Parts, place: Place, request: ApiRequest): Reply {
  const body = objectBody(request)
  const suffix = randomBytes(3).toString('hex').slice(0, 5)
  const dryRun = isDryRun(request.query)
  if (isStrict(request.query)) refuseUnknownFields(place.resource, body)
  const made = createObject(parts.storage, place, { body, suffix, dryRun })
  if (!dryRun) wrote(parts, 'create', made)
  return { status: 201, json: made }
}

function replace(parts: Parts, place: Place, given: { request: ApiRequest; name: string }): Reply {
  refuseDryRun(given.request.query)
  const body = objectBody(given.request)
  const { resource, namespace } = place
  const { createdByPut }: ResourceType = resources[resource]
  if (createdByPut && !parts.storage.get(resource, namespace, given.name)) {
    return create(parts, place, given.request)
  }
  const made = replaceObject(parts.storage, place, { body, name: given.name })
  wrote(parts, 'update', made)
  return ok(made)
}

function patch(parts: Parts, place: Place, given: { request: ApiRequest; name: string }): Reply {
  const { request, name } = given
  refuseDryRun(request.query)
  if (request.contentType?.split(';')[0] !== 'application/merge-patch+json') {
    throw new Refusal(failure(415, 'the embedded API knows JSON merge patches only'))
  }
  const before = readObject(parts.storage, place, name)
  const body = mergePatched(before, objectBody(request)) as Partial<StoredObject>
  const made = replaceObject(parts.storage, place, { body, name })
  wrote(parts, 'update', made)
  return ok(made)
}

function remove(parts: Parts, place: Place, given: { request: ApiRequest; name: string }): Reply {
  const { request, name } = given
  refuseDryRun(request.query)
  const object = readObject(parts.storage, place, name)
  const grace = integer(request.query, 'gracePeriodSeconds')
  const policy = request.query.get('propagationPolicy')
  const options: DeleteOptions = {
    ...(request.body as DeleteOptions | undefined),
    ...(grace === undefined ? {} : { gracePeriodSeconds: grace }),
    ...(policy === null ? {} : { propagationPolicy: policy }),
  }
  const json = deleteObject(parts.storage, place, { name, options, clock: parts.clock })
  wrote(parts, 'delete', object)
  return ok(json)
}

function wrote(parts: Parts, verb: Write['verb'], object: StoredObject): void {
  const { namespace, name } = object.metadata
  parts.wrote({ verb, namespace, kind: object.kind, name })
}

function objectBody(request: ApiRequest): Partial<StoredObject> {
  const { body } = request
  if (typeof body === 'object' && body !== null && !Array.isArray(body)) return body
  throw badRequest('the body is not an object')
}

function integer(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name)
  if (text === null || text === '') return undefined
  if (/^-?\d+$/.test(text)) return Number(text)
  throw badRequest(`${name} is not a whole number`)
}

function ok(json: object): Reply {
  return { status: 200, json }
}

function notAllowed(): Refusal {
  return new Refusal(
    failure(405, 'the server does not allow this method on the requested resource'),
  )
}

const versionInfo = {
  major: '1',
  minor: '34',
  gitVersion: 'v1.34.0+job-spawner-sandbox',
  platform: `${process.platform}/${process.arch}`,
}
