import { isClusterError, isNotFound } from '../cluster/cluster-error.js'
import { patiently, type LedgerContext } from './context.js'
import { roleOfSecret, slotSecretName } from './names.js'
import { entryData } from './page.js'
import type { Found } from './take-over.js'

/**
 * Deletes what writers left that lost the ledger, or their lives, while they wrote: pages that came too late, and large
 * records that no page names. What the cluster does not let us delete stays until the next time.
 */
export async function cleanUp(context: LedgerContext, found: Found): Promise<void> {
  const { secrets, log } = context
  const attempt = async (name: string, resourceVersion?: string) => {
    try {
      await secrets.delete(name, resourceVersion ? { resourceVersion } : undefined)
      log.warn({ secret: name }, 'ledger: deleted what a writer left that was cut off')
    } catch (err) {
      if (!isClusterError(err)) throw err
      if (!isNotFound(err))
        log.warn({ err, secret: name }, 'ledger: a Secret stays that is not needed')
    }
  }
  for (const { metadata } of found.late)
    await attempt(metadata?.name ?? '', metadata?.resourceVersion)
  for (const name of orphans(context.instance, found)) await attempt(name)
}

/** Deletes the Secrets of format 1 whose records are on pages now. */
export async function deleteSlotSecrets(
  context: LedgerContext,
  slots: Iterable<number>,
): Promise<void> {
  const { secrets, instance } = context
  for (const slot of slots) {
    const name = slotSecretName(instance, slot)
    await patiently(context, name, async () => {
      try {
        await secrets.delete(name)
      } catch (error) {
        if (!isNotFound(error)) throw error
      }
    })
  }
}

function orphans(instance: string, { claimed, strange, annexes }: Found): string[] {
  const strangers = new Set(strange.map(({ page }) => page))
  const named = new Set<string | undefined>()
  for (const { content } of claimed) {
    for (const value of Object.values(content.kept)) named.add(value)
    for (const [slot, entry] of content.entries)
      for (const value of Object.values(entryData(slot, entry))) named.add(value)
  }
  return [...annexes.keys()].filter(name => {
    const role = roleOfSecret(instance, name)
    const isStrange = role?.role === 'annex' && strangers.has(role.page)
    return !isStrange && !named.has(Buffer.from(name).toString('base64'))
  })
}
