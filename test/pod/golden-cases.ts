// The cases of goldens/*.input.yaml: what upstream and the operator say, and what becomes of it. `plugin` is the
// kubernetes plugin's body, as a pipeline's author writes it; a case that is about BUILDKITE_PLUGINS itself sets that in
// `job.env`. A long text is written `{text: x, times: 1000}`.
import { readdirSync, readFileSync } from 'node:fs'
import type { V1Job } from '@kubernetes/client-node'
import { parse } from 'yaml'
import { isProblem, type Problem } from '../../lib/errors.js'
import { buildJob } from '../../lib/pod/build.js'
import { jobInputs } from '../../lib/pod/given/inputs.js'
import type { PodSettings } from '../../lib/pod/given/settings.js'
import type { AgentJob } from '../../lib/types/agent-job.js'
import { podSettings } from './settings.js'

/** Where the cases are. */
export const folder = new URL('goldens/', import.meta.url)

/** A case: its name, why it exists, and the Job or the problem that follows, made anew at each call. */
export interface GoldenCase {
  name: string
  why: string
  firstKey: string | undefined
  build: () => { job: V1Job } | { problem: Problem }
}

/** All cases, by name. */
export function goldenCases(): GoldenCase[] {
  return readdirSync(folder)
    .filter(file => file.endsWith('.input.yaml'))
    .map(file => file.replace('.input.yaml', ''))
    .toSorted()
    .map(goldenCase)
}

interface Input {
  why: string
  env?: Record<string, string>
  job?: Pick<AgentJob, 'id' | 'env'>
  plugin?: unknown
  settings?: Partial<PodSettings>
}

function goldenCase(name: string): GoldenCase {
  const text = readFileSync(new URL(`${name}.input.yaml`, folder), 'utf8')
  const input = repeated(parse(text)) as Input
  const { job, settings } = frozen({
    job: acceptedJob(input),
    settings: { ...podSettings, ...input.settings },
  })
  return {
    name,
    why: input.why,
    firstKey: Object.keys(input)[0],
    build: () => {
      try {
        return { job: buildJob(frozen(jobInputs(job)), settings) }
      } catch (error) {
        if (!isProblem(error)) throw error
        return { problem: error }
      }
    },
  }
}

const pluginKey = 'github.com/buildkite-plugins/kubernetes-buildkite-plugin'

function acceptedJob({ job, env, plugin }: Input): AgentJob {
  const id = job?.id ?? '01890000-0000-4000-8000-000000000001'
  const own = { BUILDKITE_COMMAND: 'make test', ...job?.env, ...env }
  const plugins: AgentJob['env'] =
    plugin === undefined ? {} : { BUILDKITE_PLUGINS: JSON.stringify([{ [pluginKey]: plugin }]) }
  return { id, env: { ...own, ...plugins }, chunks_max_size_bytes: 102_400 }
}

/** The value with a long text for each `{text, times}` in it. */
function repeated(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(repeated)
  const { text, times } = value as { text?: unknown; times?: unknown }
  if (typeof text === 'string' && typeof times === 'number') return text.repeat(times)
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, repeated(one)]))
}

/** The value, frozen to its depths: to write to it throws. */
function frozen<Value>(value: Value): Value {
  if (typeof value === 'object' && value !== null) Object.values(value).forEach(frozen)
  return Object.freeze(value)
}
