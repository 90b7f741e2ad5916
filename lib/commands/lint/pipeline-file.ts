import type { PodConfig } from '../../config/config.js'
import type { Lookup } from '../../pipeline/interpolate.js'
import { readPipeline, unknownDependencies } from '../../pipeline/pipeline.js'
import { valueAt, type Source } from '../../pipeline/source.js'
import { placeholderSettings } from '../render/settings.js'
import { payloadFault, payloadJob, pipelineJobs, type StepJob } from '../render/step-jobs.js'
import { isFilledIn, isTolerated } from '../render/tolerance.js'
import { findingOf, type Finding } from './finding.js'
import { stepFindings } from './step-findings.js'

/** What is wrong with a pipeline: its structure, and what each step would make of its pod. */
export function pipelineFindings(source: Source, config: PodConfig): Finding[] {
  const { pipeline, faults } = readPipeline(source)
  const structure = faults
    .filter(fault => !isFilledIn(source, fault))
    .map(fault => findingOf(source, fault, isTolerated(fault) ? 'warning' : 'error'))
  const dependencies = unknownDependencies(pipeline)
    .filter(fault => !/\$/.test(fault.found ?? ''))
    .map(fault => findingOf(source, fault, 'warning'))
  const jobs = pipelineJobs(source, pipeline, { env: {}, tags: config.tags, lookup: standIn })
  return [...structure, ...dependencies, ...jobs.flatMap(job => jobFindings(job, config))]
}

/** What is wrong with a job's payload. */
export function payloadFindings(source: Source, config: PodConfig): Finding[] {
  const fault = payloadFault(source)
  if (fault) return [findingOf(source, fault)]
  return jobFindings(payloadJob(source, { env: {}, tags: [] }), config)
}

function jobFindings(job: StepJob, config: PodConfig): Finding[] {
  // A template is the cluster's, and here there is none to be asked.
  const settings = { ...placeholderSettings(config), podTemplate: { containers: [] } }
  const resourceClasses = config.resourceClasses ?? namedClasses(job)
  return stepFindings(job, { ...settings, resourceClasses })
}

// Without the operator's settings it is not known which classes there are: those that are named are taken to be.
function namedClasses({ job, places: { source, plugin } }: StepJob): Record<string, object> {
  const names = [
    job.env['BUILDKITE_AGENT_META_DATA_RESOURCE_CLASS'],
    valueAt(source.value, [...plugin, 'resourceClass']),
  ]
  return Object.fromEntries(names.filter(name => typeof name === 'string').map(name => [name, {}]))
}

// What a variable may be: something that an image, a name or a label can hold.
const standIn: Lookup = name =>
  name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-+|-+$/g, '') || 'x'
