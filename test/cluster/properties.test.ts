import { BatchV1Api, KubeConfig, type V1Job } from '@kubernetes/client-node'
import fc from 'fast-check'
import t from 'tap'
import { messageOf } from '../../lib/errors.js'
import { buildJob } from '../../lib/pod/build.js'
import { jobInputs } from '../../lib/pod/given/inputs.js'
import { validCases } from '../pod/arbitraries.js'
import type { PodCase } from '../pod/arbitrary/case.js'
import { kubeconfig } from './harness/env.js'
import { makeNamespaces } from './harness/namespaces.js'

// Pods of random steps and settings, as the real API server sees them. SEED=… makes others.

const seed = Number(process.env['SEED'] ?? 20_261_121)
const atOnce = 6

t.test('the API server takes each Job of a valid step, strictly', async t => {
  const { jobs: namespace } = await makeNamespaces(t)
  const cases = fc.sample(validCases, { seed, numRuns: 60 })
  t.comment(`seed ${seed}`)
  const config = new KubeConfig()
  config.loadFromFile(kubeconfig)
  const api = config.makeApiClient(BatchV1Api)
  const left = [...cases.entries()]
  const taken = await Promise.all(
    Array.from({ length: atOnce }, async () => {
      let count = 0
      for (let next = left.shift(); next; next = left.shift()) {
        const [index, one] = next
        const refusal = await refusalOf(jobOf(one, namespace))
        if (refusal === undefined) count += 1
        else t.fail(`case ${index} of seed ${seed}: ${refusal}\n${JSON.stringify(one)}`)
      }
      return count
    }),
  )
  t.equal(
    taken.reduce((sum, one) => sum + one, 0),
    cases.length,
  )

  async function refusalOf(body: V1Job): Promise<string | undefined> {
    try {
      await api.createNamespacedJob({
        namespace,
        body,
        dryRun: 'All',
        fieldValidation: 'Strict',
      })
      return undefined
    } catch (error) {
      return messageOf(error).slice(0, 600)
    }
  }
})

function jobOf({ job, settings }: PodCase, namespace: string): V1Job {
  return buildJob(jobInputs(job), { ...settings, namespace })
}
