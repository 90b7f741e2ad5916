import { randomUUID } from 'node:crypto'
import { Problem } from '../../errors.js'
import { nearest } from '../../schemas.js'
import type { BuildRecord, CommandStepRecord, StepRecord } from './records.js'
import type { RunnablePipeline, RunnableStep } from './runnable.js'
import type { World } from './world.js'

/** What a build is made for, besides its pipeline. */
export interface BuildOptions {
  env?: Record<string, string>
  branch?: string
  commit?: string
  repo?: string
  message?: string
}

/**
 * Makes a build and schedules the jobs that wait for nothing.
 * @throws Problem PIPELINE_FILE when a step depends on a step that does not exist
 */
export function addBuild(
  world: World,
  pipeline: RunnablePipeline,
  options: BuildOptions = {},
): BuildRecord {
  const build: BuildRecord = {
    id: randomUUID(),
    number: world.builds.size + 1,
    createdAt: world.clock.now(),
    env: { ...pipeline.env, ...options.env },
    branch: options.branch ?? 'main',
    commit: options.commit ?? 'HEAD',
    repo: options.repo ?? 'https://git.invalid/sandbox.git',
    message: options.message ?? 'A build of the sandbox',
    canceled: false,
    steps: [],
    metaData: new Map(),
    annotations: new Map(),
    uploads: new Map(),
  }
  refuseUnknownDependencies(pipeline.steps, [])
  build.steps.push(...pipeline.steps.map(step => addStep(world, build, step, {})))
  world.builds.set(build.id, build)
  world.advance(build)
  world.emit('change')
  return build
}

/**
 * Puts the steps of an uploaded pipeline after the step of the job that uploads them. With `replace`, the steps below
 * that have not begun go away.
 * @throws Problem PIPELINE_FILE when a key is taken, or a step depends on a step that does not exist
 */
export function addUploadedSteps(
  world: World,
  upload: {
    build: BuildRecord
    after: CommandStepRecord
    pipeline: RunnablePipeline
    replace: boolean
  },
): void {
  const { build, after, pipeline, replace } = upload
  const place = build.steps.indexOf(after) + 1
  const below = build.steps.slice(place).filter(record => !replace || hasBegun(record))
  const kept = [...build.steps.slice(0, place), ...below]
  refuseTakenKeys(pipeline.steps, kept)
  refuseUnknownDependencies(pipeline.steps, kept)
  for (const gone of build.steps.filter(record => !kept.includes(record))) {
    for (const job of gone.jobs) world.jobs.delete(job.id)
  }
  const fresh = pipeline.steps.map(step => addStep(world, build, step, pipeline.env))
  build.steps.splice(0, build.steps.length, ...kept.slice(0, place), ...fresh, ...below)
  world.advance(build)
  world.emit('change')
}

function hasBegun(record: StepRecord): boolean {
  return record.jobs.some(job => job.state !== 'pending' && job.state !== 'scheduled')
}

function addStep(
  world: World,
  build: BuildRecord,
  step: RunnableStep,
  env: Record<string, string>,
): StepRecord {
  if (step.kind === 'wait') return { id: randomUUID(), step, jobs: [] }
  const record: CommandStepRecord = {
    id: randomUUID(),
    step: { ...step, env: { ...env, ...step.env } },
    jobs: [],
    attributes: new Map(),
    updates: new Set(),
  }
  for (let part = 0; part < step.parallelism; part += 1) {
    world.addJob(record, build, step.parallelism > 1 ? { parallelJob: part } : {})
  }
  return record
}

function refuseTakenKeys(steps: readonly RunnableStep[], existing: readonly StepRecord[]): void {
  const taken = existing.map(record => record.step.key)
  const twice = steps.find(step => step.key !== undefined && taken.includes(step.key))
  if (!twice) return
  throw new Problem('PIPELINE_FILE', 'the pipeline cannot be used', {
    where: `the step with the key ${twice.key}`,
    wanted: 'a key that the build does not have yet',
    found: 'a step of the build with the same key',
  })
}

function refuseUnknownDependencies(
  steps: readonly RunnableStep[],
  existing: readonly StepRecord[],
): void {
  const known = [...existing.map(({ step }) => step), ...steps].flatMap(step => step.key ?? [])
  for (const [index, step] of steps.entries()) {
    const missing =
      step.kind === 'command' && step.dependsOn?.find(one => !known.includes(one.step))
    if (!missing) continue
    const near = nearest(missing.step, known)
    throw new Problem('PIPELINE_FILE', 'the pipeline cannot be used', {
      where: `steps[${index}].depends_on`,
      wanted: known.length === 0 ? 'a step that has a key' : `one of: ${known.join(', ')}`,
      found: `no step has the key ${JSON.stringify(missing.step)}`,
      ...(near === undefined ? {} : { hint: `did you mean ${near}?` }),
    })
  }
}
