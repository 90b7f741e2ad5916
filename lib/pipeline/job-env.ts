import type { CommandStep } from './command-step.js'

/** Which of the jobs of its step a job is. */
export interface Share {
  /** From 0; nothing when the step has one job only. */
  parallelJob?: number | undefined
}

/**
 * What Buildkite puts into a job's environment from its step: command, plugins, image, key, label and their like
 * (Agent API, `env` of a job). The variables of the step's own `env` are no part of it.
 */
export function stepEnv(step: CommandStep, { parallelJob }: Share = {}): Record<string, string> {
  const plugins = step.plugins.length === 0 ? undefined : JSON.stringify(step.plugins)
  return {
    ...present('BUILDKITE_STEP_KEY', step.key),
    ...present('BUILDKITE_LABEL', jobLabel(step, { parallelJob })),
    BUILDKITE_COMMAND: step.command,
    ...present('BUILDKITE_PLUGINS', plugins),
    ...present('BUILDKITE_IMAGE', step.image),
    BUILDKITE_ARTIFACT_PATHS: step.artifactPaths.join(';'),
    ...(parallelJob === undefined
      ? {}
      : {
          BUILDKITE_PARALLEL_JOB: String(parallelJob),
          BUILDKITE_PARALLEL_JOB_COUNT: String(step.parallelism),
        }),
  }
}

/** The step's label, with `%n` and `%t` as the job's place among the parallel ones of its step (from 1) and their number. */
export function jobLabel(step: CommandStep, { parallelJob = 0 }: Share = {}): string | undefined {
  return step.label
    ?.replaceAll('%n', String(parallelJob + 1))
    .replaceAll('%t', String(step.parallelism))
}

/** An agent's tags (`key=value`) as a job's environment tells them. */
export function tagsEnv(tags: readonly string[]): Record<string, string> {
  const pairs = tags.map((tag): [string, string] => {
    const [, key = tag, value = ''] = /^([^=]+)=(.*)$/s.exec(tag) ?? []
    return [`BUILDKITE_AGENT_META_DATA_${key.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_')}`, value]
  })
  return Object.fromEntries(pairs)
}

function present(name: string, value: string | undefined): Record<string, string> {
  return value === undefined ? {} : { [name]: value }
}
