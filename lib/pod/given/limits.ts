import type { V1EnvVar } from '@kubernetes/client-node'
import { Problem } from '../../errors.js'
import type { AgentJob } from '../../types/agent-job.js'

// Linux takes one argument or variable of at most 32 pages (MAX_ARG_STRLEN), its end included, and all of them in at
// most a quarter of the stack's limit, 8 MiB as containers have it. What is longer can't be handed to any process.
const longest = 32 * 4096 - 1
const longestInAll = 2 * 1024 * 1024

// For what the agent and the images add to a job's variables.
const reserve = 128 * 1024

/**
 * Nothing, when the job's variables can be handed to a process.
 * @throws Problem JOB_INVALID that names the first which cannot.
 */
export function checkEnvironment(env: AgentJob['env']): void {
  // The plugins' list is left out: the kubernetes plugin, which may be long, does not reach the job.
  const sizes = Object.entries(env)
    .filter(([name]) => name !== 'BUILDKITE_PLUGINS')
    .map(([name, value]) => ({ name, bytes: sizeOf(name, value) }))
  const tooLong = sizes.find(({ bytes }) => bytes > longest)
  if (tooLong) throw tooLongProblem(tooLong.name, tooLong.bytes)
  const all = sizes.reduce((sum, { bytes }) => sum + bytes + 1, 0)
  if (all <= longestInAll - reserve) return
  throw new Problem('JOB_INVALID', "the job's environment is too big for any process", {
    where: "the job's env",
    wanted: `at most ${longestInAll - reserve} bytes in all (Linux takes 2 MiB, arguments included)`,
    found: `${all} bytes in ${sizes.length} variables`,
    hint: 'put what is big into the repository, an artifact or meta-data',
  })
}

/**
 * The variables, when they can be handed to a process.
 * @throws Problem JOB_INVALID
 */
export function checkLength(container: string, variables: V1EnvVar[]): V1EnvVar[] {
  for (const { name, value = '' } of variables) {
    // As the kubelet will have it.
    const bytes = sizeOf(name, value.replaceAll('$$', '$'))
    if (bytes > longest) throw tooLongProblem(name, bytes, ` of the container ${container}`)
  }
  return variables
}

function sizeOf(name: string, value: string): number {
  return new TextEncoder().encode(`${name}=${value}`).length
}

function tooLongProblem(name: string, bytes: number, of = ''): Problem {
  const what = name === 'BUILDKITE_COMMAND' ? "the step's command" : "a variable of the job's"
  return new Problem('JOB_INVALID', `${what} is too long for any process`, {
    where: `${name}${of}`,
    wanted: `at most ${longest} bytes, name included (Linux: MAX_ARG_STRLEN)`,
    found: `${bytes} bytes`,
    hint: 'put it into a file of the repository, or an artifact, and run or read that',
  })
}
