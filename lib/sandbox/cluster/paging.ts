import type { StoredObject } from './objects.js'
import { badRequest, expired, Refusal } from './status.js'
import type { Storage } from './storage.js'
import type { Match } from './selectors.js'
import type { ResourceName } from './resources.js'

/** One page of a list; `continueToken` is there when more follow. */
export interface Page {
  items: StoredObject[]
  revision: number
  continueToken?: string
}

/**
 * One page of the objects that match. Every page of a list shows the same revision, as the real API does, also when
 * objects change between the pages.
 * @throws Refusal: 400 for a token that is not ours, 410 for one whose revision is forgotten.
 */
export function page(
  storage: Storage,
  what: { resource: ResourceName; namespace?: string | undefined; match: Match },
  query: { limit?: number; continueToken?: string },
): Page {
  const from = query.continueToken === undefined ? undefined : readToken(query.continueToken)
  const revision = from?.revision ?? storage.revision
  if (revision < storage.oldest) throw new Refusal(expired(revision, storage.oldest))
  const all = storage.listAt(revision, what.resource, what.namespace).filter(what.match)
  const rest = from === undefined ? all : all.filter(object => keyOf(object) > from.after)
  const limit = query.limit === undefined || query.limit <= 0 ? rest.length : query.limit
  const items = rest.slice(0, limit)
  const last = items.at(-1)
  if (last === undefined || rest.length <= limit) return { items, revision }
  return { items, revision, continueToken: writeToken({ revision, after: keyOf(last) }) }
}

interface Token {
  revision: number
  after: string
}

function keyOf(object: StoredObject): string {
  return `${object.metadata.namespace ?? ''}/${object.metadata.name}`
}

function writeToken(token: Token): string {
  return Buffer.from(JSON.stringify(token)).toString('base64url')
}

function readToken(text: string): Token {
  try {
    const { revision, after } = JSON.parse(Buffer.from(text, 'base64url').toString()) as Token
    if (Number.isInteger(revision) && typeof after === 'string') return { revision, after }
  } catch {
    // Answered below: any token that is not ours is the same error.
  }
  throw badRequest('continue key is not valid')
}
