import { randomBytes } from 'node:crypto'
import { apply, kubectl } from './kubectl.js'

/** What a test hands over so that what is started for it ends with it. */
export interface Teardown {
  teardown(end: () => void | Promise<void>): void
}

/** The namespaces of one spawner. */
export interface Namespaces {
  jobs: string
  ledger: string
}

/**
 * Two new namespaces with unique names, removed with the test; it does not wait until they are gone. The labels are
 * for that of the jobs.
 */
export async function makeNamespaces(
  t: Teardown,
  labels: Record<string, string> = {},
): Promise<Namespaces> {
  const id = `t-${randomBytes(4).toString('hex')}`
  const names = { jobs: `${id}-jobs`, ledger: `${id}-ledger` }
  t.teardown(() => removeNamespaces(Object.values(names)))
  await apply(namespace(names.jobs, labels))
  await apply(namespace(names.ledger))
  return names
}

function namespace(name: string, labels: Record<string, string> = {}): object {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } }
}

/** Removes namespaces and all that is in them, without waiting; one that is not there is no error. */
export async function removeNamespaces(names: readonly string[]): Promise<void> {
  await kubectl(['delete', 'namespace', ...names, '--ignore-not-found', '--wait=false'])
}
