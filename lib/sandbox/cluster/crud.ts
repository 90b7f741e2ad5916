import type { Clock } from '../../clock.js'
import { deletePod, jobLabels } from './job-controller.js'
import type { Metadata, PodObject, StoredObject } from './objects.js'
import { causesOf, checkTimes, defaulted, noVersion } from './kinds.js'
import { resources, type ResourceName, type ResourceType } from './resources.js'
import { alreadyExists, badRequest, conflict, deleted, invalid, notFound } from './status.js'
import type { Draft, Storage } from './storage.js'

/** Which kind, in which namespace. */
export interface Place {
  resource: ResourceName
  namespace: string | undefined
}

/** What a delete may ask for. */
export interface DeleteOptions {
  gracePeriodSeconds?: number
  propagationPolicy?: string
  preconditions?: { uid?: string; resourceVersion?: string }
}

/** @throws Refusal (404). */
export function readObject(storage: Storage, place: Place, name: string): StoredObject {
  const found = storage.get(place.resource, place.namespace, name)
  if (!found) throw notFound(place.resource, name)
  return found
}

/** Creates what the body describes; with `dryRun` all is done but that it is stored. @throws Refusal: 400, 404 for the namespace, 409, 422. */
export function createObject(
  storage: Storage,
  place: Place,
  given: { body: Partial<StoredObject>; suffix: string; dryRun: boolean },
): StoredObject {
  const { resource, namespace } = place
  const body = withName(given.body, given.suffix)
  checkPlace(storage, place, body)
  checkTimes(resource, body)
  const causes = causesOf(resource, body)
  if (causes.length > 0) throw invalid(resource, body.metadata?.name ?? '', causes)
  const metadata = { ...body.metadata, namespace } as Draft['metadata']
  // The server's own: what someone gives for these is not looked at.
  delete metadata.deletionTimestamp
  delete metadata.deletionGracePeriodSeconds
  if (storage.get(resource, namespace, metadata.name)) throw alreadyExists(resource, metadata.name)
  const draft = defaulted(resource, { ...body, metadata })
  return given.dryRun ? storage.preview(resource, draft) : storage.create(resource, draft)
}

/** Replaces the object by the body. @throws Refusal: 404, 409 when its resourceVersion or uid is another, 422. */
export function replaceObject(
  storage: Storage,
  place: Place,
  given: { body: Partial<StoredObject>; name: string },
): StoredObject {
  const { resource, namespace } = place
  const { body, name } = given
  const before = readObject(storage, place, name)
  if (body.metadata?.name !== name)
    throw badRequest('the name of the object does not match the name on the URL')
  checkTimes(resource, body)
  const { resourceVersion, uid } = body.metadata
  const { versionNeeded }: ResourceType = resources[resource]
  if (versionNeeded && !resourceVersion) throw invalid(resource, name, [noVersion])
  if (resourceVersion !== undefined && resourceVersion !== before.metadata.resourceVersion) {
    throw conflict(
      resource,
      name,
      'the object has been modified; please apply your changes to the latest version and try again',
    )
  }
  if (uid !== undefined && uid !== before.metadata.uid) {
    throw conflict(resource, name, `Precondition failed: UID in precondition: ${uid}`)
  }
  const causes = causesOf(resource, body)
  if (causes.length > 0) throw invalid(resource, name, causes)
  const { creationTimestamp, deletionTimestamp, deletionGracePeriodSeconds } = before.metadata
  const metadata: Metadata = {
    ...body.metadata,
    namespace,
    uid: before.metadata.uid,
    creationTimestamp,
    ...(deletionTimestamp === undefined ? {} : { deletionTimestamp, deletionGracePeriodSeconds }),
  }
  const kept = 'status' in before ? { status: before['status'] } : {}
  const { apiVersion, kind } = before
  const draft = defaulted(resource, { ...body, metadata })
  return storage.update(resource, { ...draft, ...kept, apiVersion, kind, metadata })
}

/**
 * Deletes the object; gives what the API answers: the pod, or a Status for the other kinds. A Job's pods go with it (the
 * policy Background, which Foreground is taken for too), unless the policy is Orphan.
 * @throws Refusal: 404, 409 when a precondition does not hold.
 */
export function deleteObject(
  storage: Storage,
  place: Place,
  given: { name: string; options: DeleteOptions; clock: Clock },
): object {
  const { resource, namespace } = place
  const { name, options, clock } = given
  const object = readObject(storage, place, name)
  const { uid, resourceVersion } = options.preconditions ?? {}
  if (uid !== undefined && uid !== object.metadata.uid) {
    const why = `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${object.metadata.uid}`
    throw conflict(resource, name, why)
  }
  if (resourceVersion !== undefined && resourceVersion !== object.metadata.resourceVersion) {
    throw conflict(resource, name, 'Precondition failed: ResourceVersion in precondition')
  }
  if (resource === 'pods') {
    deletePod(storage, clock, object as PodObject, options.gracePeriodSeconds)
    return storage.get(resource, namespace, name) ?? object
  }
  if (resource === 'jobs' && options.propagationPolicy === 'Orphan') orphan(storage, object)
  storage.remove(resource, namespace, name)
  return deleted(resource, name, object.metadata.uid)
}

function withName(body: Partial<StoredObject>, suffix: string): Partial<StoredObject> {
  const { name, generateName } = body.metadata ?? {}
  if (name || !generateName) return body
  return { ...body, metadata: { ...body.metadata, name: `${generateName}${suffix}` } as Metadata }
}

function checkPlace(storage: Storage, { resource, namespace }: Place, body: Partial<StoredObject>) {
  const { kind, metadata } = body
  if (kind !== undefined && kind !== resources[resource].kind) {
    throw badRequest(`${kind} in the body, but the path is one of ${resources[resource].kind}`)
  }
  if (!resources[resource].namespaced) return
  if (metadata?.namespace !== undefined && metadata.namespace !== namespace) {
    throw badRequest(
      'the namespace of the provided object does not match the namespace sent on the request',
    )
  }
  if (!storage.get('namespaces', undefined, namespace ?? '')) {
    throw notFound('namespaces', namespace ?? '')
  }
}

function orphan(storage: Storage, job: StoredObject): void {
  const known = Object.keys(jobLabels(job.metadata))
  for (const pod of storage.list('pods', job.metadata.namespace)) {
    if (!pod.metadata.ownerReferences?.some(owner => owner.uid === job.metadata.uid)) continue
    const labels = Object.entries(pod.metadata.labels ?? {}).filter(([key]) => !known.includes(key))
    const { ownerReferences: _, ...metadata } = pod.metadata
    storage.update('pods', {
      ...pod,
      metadata: { ...metadata, labels: Object.fromEntries(labels) },
    })
  }
}
