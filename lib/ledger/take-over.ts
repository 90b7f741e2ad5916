import type { V1Secret } from '@kubernetes/client-node'
import { isClusterError, isNotFound } from '../cluster/cluster-error.js'
import { isProblem, type Problem } from '../errors.js'
import { currentSecret, patiently, whereIs, type LedgerContext } from './context.js'
import type { Head } from './head.js'
import { headName, ledgerSecret, ledgerSelector, roleOfSecret } from './names.js'
import { decodePage, encodePage, writerIn, type Page } from './page.js'

/** A record may be 1 MB: few to a list's page. */
const listPageSize = 50
/** How many pages are claimed at the same time. */
const mostAtOnce = 8

/** A page that names us as its writer now. */
export interface ClaimedPage {
  page: number
  content: Page
  version: string | undefined
}

/** A page that we cannot read: it is as it was. */
export interface StrangePage {
  page: number
  problem: Problem
}

/** What was found in the cluster: all of it ours to write now, but for what is strange. */
export interface Found {
  claimed: ClaimedPage[]
  strange: StrangePage[]
  /** The Secrets of large records, by name. */
  annexes: ReadonlyMap<string, V1Secret>
  /** Format 1's Secrets, by slot. */
  slots: ReadonlyMap<number, V1Secret>
  /** Pages of writers that had lost the ledger when they made them: nobody was told that they are kept. */
  late: V1Secret[]
}

/**
 * Makes us the ledger's writer: takes the head, then every page as it is in that moment. What an earlier writer was
 * told to be kept is on the pages then, and it can add nothing more. An empty ledger is left alone.
 * @throws Problem LEASE_LOST when a later writer came by meanwhile, LEDGER_RECORD when the head cannot be read;
 * ClusterError
 */
export async function takeOver(context: LedgerContext, head: Head): Promise<Found> {
  const { taken, settled, secrets } = await takeHead(context, head)
  const annexes = new Map<string, V1Secret>()
  const slots = new Map<number, V1Secret>()
  const pages: { page: number; secret: V1Secret }[] = []
  for (const secret of secrets) {
    const role = roleOfSecret(context.instance, nameOf(secret))
    if (role?.role === 'slot') slots.set(role.slot, secret)
    if (role?.role === 'annex') annexes.set(nameOf(secret), secret)
    if (role?.role === 'page') pages.push({ page: role.page, secret })
  }
  const found: Found = { claimed: [], strange: [], annexes, slots, late: [] }
  await inParallel(pages, async ({ page, secret }) => {
    const outcome = await claimPage(context, { page, settled, secret })
    if (outcome === 'late') found.late.push(secret)
    else if (outcome && 'problem' in outcome) found.strange.push(outcome)
    else if (outcome) found.claimed.push(outcome)
  })
  head.strangers = found.strange.length > 0
  if (taken) await patiently(context, 'head', () => head.settle())
  return found
}

async function takeHead(
  context: LedgerContext,
  head: Head,
): Promise<{ taken: boolean; settled: number; secrets: V1Secret[] }> {
  const { claim, instance } = context
  if (!(await patiently(context, 'head', () => head.exists()))) {
    const secrets = await patiently(context, 'list', () => listSecrets(context))
    const isEmpty = secrets.every(one => roleOfSecret(instance, nameOf(one))?.role === 'slot')
    if (isEmpty) return { taken: false, settled: 0, secrets }
  }
  for (let above = 0; ;) {
    const settled = await patiently(context, 'head', () => head.take(above))
    const secrets = await patiently(context, 'list', () => listSecrets(context))
    above = Math.max(0, ...secrets.map(({ data }) => writerIn(data)?.epoch ?? 0))
    if (above <= claim.epoch) return { taken: true, settled, secrets }
    // Somebody has come after us, or else a head was deleted by hand.
    if (await patiently(context, 'head', () => head.isOurs())) continue
    throw claim.lose(whereIs(context, headName(instance)), undefined)
  }
}

async function claimPage(
  context: LedgerContext,
  { page, settled, secret }: { page: number; settled: number; secret: V1Secret },
): Promise<ClaimedPage | StrangePage | 'late' | undefined> {
  const { claim, instance } = context
  const name = nameOf(secret)
  const where = whereIs(context, name)
  const current = () => patiently(context, name, () => currentSecret(context, name))
  for (let found: V1Secret | undefined = secret; found; found = await current()) {
    const version = found.metadata?.resourceVersion
    let content: Page
    try {
      content = decodePage(found.data, { page, where })
    } catch (problem) {
      if (isProblem(problem)) return { page, problem }
      throw problem
    }
    const { writer } = content
    if (writer.epoch === claim.epoch && writer.id === claim.id) return { page, content, version }
    if (writer.epoch < settled) return 'late'
    if (writer.epoch >= claim.epoch) throw claim.lose(where, writer)
    const data = encodePage({ ...content, writer: claim.writer })
    const ours = ledgerSecret({ instance, name, data, resourceVersion: version })
    const written = await patiently(context, name, () => replaced(context, ours))
    if (written) return { page, content, version: written.metadata?.resourceVersion }
  }
  return undefined
}

/** Undefined when it was changed or removed meanwhile. */
async function replaced(
  { secrets }: LedgerContext,
  secret: V1Secret,
): Promise<V1Secret | undefined> {
  try {
    return await secrets.replace(secret)
  } catch (error) {
    if (isClusterError(error, 'conflict') || isNotFound(error)) return undefined
    throw error
  }
}

/** All Secrets of the ledger, in whatever state. */
export async function listSecrets({ secrets, instance }: LedgerContext): Promise<V1Secret[]> {
  const labelSelector = ledgerSelector(instance)
  const found: V1Secret[] = []
  let continueToken: string | undefined
  do {
    const page = await secrets.list({ labelSelector, limit: listPageSize, continueToken })
    found.push(...page.items)
    continueToken = page.continueToken
  } while (continueToken)
  return found.filter(secret => roleOfSecret(instance, nameOf(secret)) !== undefined)
}

async function inParallel<T>(items: readonly T[], act: (item: T) => Promise<void>): Promise<void> {
  const rest = items.values()
  const worker = async () => {
    for (const item of rest) await act(item)
  }
  await Promise.all(Array.from({ length: mostAtOnce }, worker))
}

function nameOf(secret: V1Secret): string {
  return secret.metadata?.name ?? ''
}
