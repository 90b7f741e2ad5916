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

/** Two new namespaces with unique names, removed with the test; it does not wait until they are gone. */
export async function makeNamespaces(t: Teardown): Promise<Namespaces> {
  const id = `t-${randomBytes(4).toString('hex')}`
  const names = { jobs: `${id}-jobs`, ledger: `${id}-ledger` }
  t.teardown(() => removeNamespaces(Object.values(names)))
  for (const name of Object.values(names)) {
    await apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } })
  }
  return names
}

/** Removes namespaces and all that is in them, without waiting; one that is not there is no error. */
export async function removeNamespaces(names: readonly string[]): Promise<void> {
  await kubectl(['delete', 'namespace', ...names, '--ignore-not-found', '--wait=false'])
}
