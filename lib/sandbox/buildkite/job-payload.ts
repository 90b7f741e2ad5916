import { stepEnv, tagsEnv } from '../../pipeline/job-env.js'
import type { AgentRecord, JobRecord } from './records.js'
import type { Settings } from './world.js'

/** The job as accept and acquire answer it: environment, step, limits of the log, token. */
export function jobPayload(
  job: JobRecord,
  agent: AgentRecord,
  settings: Settings,
): Record<string, unknown> {
  return {
    id: job.id,
    endpoint: '',
    state: job.state,
    env: jobEnv(job, agent, settings),
    step: job.step.step.source,
    chunks_max_size_bytes: settings.chunksMaxSizeBytes,
    chunks_interval_seconds: settings.chunksIntervalSeconds,
    log_max_size_bytes: 1_073_741_824,
    token: job.token,
    runnable_at: new Date(job.runnableAt ?? job.createdAt).toISOString(),
    priority: 0,
  }
}

/** The environment of a job, strings only. What the server sets wins over what the pipeline sets. */
export function jobEnv(
  job: JobRecord,
  agent: AgentRecord | undefined,
  settings: Settings,
): Record<string, string> {
  return {
    ...job.env,
    CI: 'true',
    BUILDKITE: 'true',
    ...buildEnv(job, settings),
    ...jobStepEnv(job),
    ...(agent ? agentEnv(agent) : {}),
  }
}

function buildEnv({ build }: JobRecord, settings: Settings): Record<string, string> {
  const { organization, pipeline } = settings
  return {
    BUILDKITE_ORGANIZATION_SLUG: organization,
    BUILDKITE_PIPELINE_SLUG: pipeline,
    BUILDKITE_PIPELINE_NAME: pipeline,
    BUILDKITE_PIPELINE_PROVIDER: 'git',
    BUILDKITE_PIPELINE_DEFAULT_BRANCH: 'main',
    BUILDKITE_BUILD_ID: build.id,
    BUILDKITE_BUILD_NUMBER: String(build.number),
    BUILDKITE_BUILD_URL: buildUrl(settings, build.number),
    BUILDKITE_BUILD_CREATOR: 'Sandbox',
    BUILDKITE_BUILD_CREATOR_EMAIL: 'sandbox@example.invalid',
    BUILDKITE_REPO: build.repo,
    BUILDKITE_COMMIT: build.commit,
    BUILDKITE_BRANCH: build.branch,
    BUILDKITE_TAG: '',
    BUILDKITE_MESSAGE: build.message,
    BUILDKITE_PULL_REQUEST: 'false',
    BUILDKITE_SOURCE: 'api',
  }
}

/** The address that a build would have at Buildkite. Nothing listens there. */
export function buildUrl(settings: Settings, number: number): string {
  return `https://buildkite.invalid/${settings.organization}/${settings.pipeline}/builds/${number}`
}

function jobStepEnv(job: JobRecord): Record<string, string> {
  return {
    ...stepEnv(job.step.step, job),
    BUILDKITE_JOB_ID: job.id,
    BUILDKITE_STEP_ID: job.step.id,
    BUILDKITE_TIMEOUT: job.timeoutMs === undefined ? 'false' : String(job.timeoutMs / 60_000),
    BUILDKITE_RETRY_COUNT: String(job.retryCount),
  }
}

function agentEnv(agent: AgentRecord): Record<string, string> {
  return {
    BUILDKITE_AGENT_ID: agent.id,
    BUILDKITE_AGENT_NAME: agent.name,
    ...tagsEnv(agent.tags),
  }
}
