import { Problem } from '../../errors.js'
import type { AgentJob } from '../../types/agent-job.js'
import { checkHold } from './hold.js'
import { checkEnvironment } from './limits.js'
import { checkMetadata } from './labels.js'
import { checkNames } from './names.js'
import { kubernetesPlugin, type KubernetesPlugin } from './plugin.js'

/** What of an accepted job shapes its pod, parsed and checked, in Buildkite's words. */
export interface JobInputs {
  /** The job's UUID. */
  id: string
  /** The step's command, lines and all; empty when a plugin is to provide it. */
  command: string
  /** The step's `image:`, for all command containers. */
  image?: string
  /** The kubernetes plugin's body; empty when the step has none. */
  plugin: KubernetesPlugin
  /** Whether the step has it at all. */
  hasPlugin: boolean
  /** The tags of the agent that Buildkite gave the job to. */
  tags: Record<string, string>
  /** What the pod's metadata tells about the job; empty strings where Buildkite says nothing. */
  env: JobFacts
}

/** What people want to know of the pod that they look at: which job it is of. */
export interface JobFacts {
  buildUrl: string
  buildNumber: string
  branch: string
  repo: string
  pipelineSlug: string
  stepKey: string
  stepLabel: string
}

/**
 * The inputs of a job's pod.
 * @throws Problem JOB_PLUGIN or JOB_INVALID, which end the run: where it is, what was wanted, what was found.
 */
export function jobInputs(job: AgentJob): JobInputs {
  const given = kubernetesPlugin(job.env['BUILDKITE_PLUGINS'])
  const plugin = given ?? {}
  checkNames(plugin)
  checkMetadata(plugin)
  checkHold(plugin)
  checkEnvironment(job.env)
  const image = stepImage(job)
  return {
    id: job.id,
    command: job.env['BUILDKITE_COMMAND'] ?? '',
    ...(image === undefined ? {} : { image }),
    plugin,
    hasPlugin: given !== undefined,
    tags: tags(job.env),
    env: facts(job.env),
  }
}

function stepImage(job: AgentJob): string | undefined {
  const image = job.env['BUILDKITE_IMAGE']
  if (image === undefined || image === '') return undefined
  if (!/\s/.test(image)) return image
  throw new Problem('JOB_INVALID', "the step's image cannot be used", {
    where: "the step's image (BUILDKITE_IMAGE)",
    wanted: 'the name of one image',
    found: 'text with white space in it',
  })
}

const tagPrefix = 'BUILDKITE_AGENT_META_DATA_'

function tags(env: AgentJob['env']): Record<string, string> {
  const pairs = Object.entries(env)
    .filter(([name]) => name.startsWith(tagPrefix) && name.length > tagPrefix.length)
    .map(([name, value]): [string, string] => [name.slice(tagPrefix.length).toLowerCase(), value])
  return Object.fromEntries(pairs.toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

function facts(env: AgentJob['env']): JobFacts {
  return {
    buildUrl: env['BUILDKITE_BUILD_URL'] ?? '',
    buildNumber: env['BUILDKITE_BUILD_NUMBER'] ?? '',
    branch: env['BUILDKITE_BRANCH'] ?? '',
    repo: env['BUILDKITE_REPO'] ?? '',
    pipelineSlug: env['BUILDKITE_PIPELINE_SLUG'] ?? '',
    stepKey: env['BUILDKITE_STEP_KEY'] ?? '',
    stepLabel: env['BUILDKITE_LABEL'] ?? '',
  }
}
