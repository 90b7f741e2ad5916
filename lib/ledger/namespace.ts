import { Problem } from '../errors.js'

/** The name of the ledger's namespace when the spawner does not run in a cluster. */
export const defaultLedgerNamespace = 'job-spawner'

/**
 * Where the ledger is kept: where the operator says, else in the spawner's own namespace in a cluster (`own`), else in
 * `job-spawner`. Not in the jobs' namespace unless named: a pipeline's pod may mount any Secret of its namespace, and
 * the ledger holds the tokens of all runs.
 * @throws Problem LEDGER_NAMESPACE when it would be the jobs' namespace without having been named
 */
export function ledgerNamespace(choice: {
  explicit?: string
  jobsNamespace: string
  own?: string
}): string {
  const { explicit, jobsNamespace, own } = choice
  if (explicit) return explicit
  const name = own || defaultLedgerNamespace
  if (name !== jobsNamespace) return name
  throw new Problem('LEDGER_NAMESPACE', 'the ledger would stand in the namespace of the jobs', {
    where: `namespace ${name}`,
    wanted: 'a namespace whose Secrets no pipeline can mount: the ledger holds tokens',
    found: 'the namespace that the jobs run in',
    hint: `run the jobs elsewhere (--namespace), or keep the ledger elsewhere (--ledger-namespace); to accept the risk: --ledger-namespace ${name}`,
  })
}
