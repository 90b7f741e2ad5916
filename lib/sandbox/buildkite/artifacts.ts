import { createHash, randomUUID } from 'node:crypto'
import {
  answer,
  refusal,
  violation,
  type ApiResponse,
  type JobCall,
  type Route,
} from './exchange.js'
import type { Fields } from './fields.js'
import { complaints } from './fields.js'
import { fitsGlob } from './glob.js'
import { checkedBody } from './json-call.js'
import type { ArtifactRecord, BuildRecord, JobRecord } from './records.js'
import { downloadUrl, uploadInstructions } from './storage.js'

/** Creating, finishing and finding artifacts. Their bytes go through the storage routes. */
export const artifactRoutes: Route[] = [
  { method: 'POST', path: '/jobs/:job/artifacts', token: 'job', handle: create },
  { method: 'PUT', path: '/jobs/:job/artifacts', token: 'job', handle: settle },
  { method: 'GET', path: '/builds/:build/artifacts/search', token: 'job', handle: search },
]

const batchFields: Fields = {
  id: 'string',
  artifacts: 'list',
  upload_destination: 'string',
  multipart_supported: 'boolean?',
}

const artifactFields: Fields = {
  id: 'string',
  path: 'string',
  absolute_path: 'string',
  glob_path: 'string',
  file_size: 'integer',
  sha1sum: 'string',
  sha256sum: 'string',
  job_id: 'string',
  created_at: 'time',
  url: 'string?',
  upload_destination: 'string?',
  content_type: 'string?',
}

function create(call: JobCall): ApiResponse {
  const { world, params } = call
  const job = world.jobs.get(params['job'] ?? '')
  if (!job) return refusal(404, 'No such job')
  const checked = checkedBody(call, batchFields)
  if ('wrong' in checked) return checked.wrong
  const batchId = checked.body['id'] as string
  const known = world.artifactBatches.get(batchId)
  if (known) return answer(known, 201)
  const announced = checked.body['artifacts'] as Record<string, unknown>[]
  if (announced.length > 30) return violation(call, 422, 'a batch of more than 30 artifacts')
  const wrong = announced.flatMap(one => complaints(one, artifactFields))
  if (wrong.length > 0) return violation(call, 422, wrong.join(', '))
  const made = newBatch(job, batchId, announced)
  for (const artifact of made) world.artifacts.set(artifact.id, artifact)
  const response = {
    id: batchId,
    artifact_ids: made.map(artifact => artifact.id),
    upload_instructions: uploadInstructions(world, batchId),
  }
  world.artifactBatches.set(batchId, response)
  return answer(response, 201)
}

function newBatch(
  job: JobRecord,
  batchId: string,
  announced: Record<string, unknown>[],
): ArtifactRecord[] {
  return announced.map(described => {
    const path = described['path'] as string
    const storageKey = `${batchId}/${path}`
    return { id: randomUUID(), job, path, state: 'new', described, storageKey }
  })
}

function settle(call: JobCall): ApiResponse {
  const checked = checkedBody(call, { artifacts: 'list' })
  if ('wrong' in checked) return checked.wrong
  const states = checked.body['artifacts'] as { id?: unknown; state?: unknown }[]
  for (const { id, state } of states) {
    const artifact = call.world.artifacts.get(String(id))
    if (!artifact) return violation(call, 404, 'no such artifact')
    if (state !== 'finished' && state !== 'error') {
      return violation(call, 422, 'the state of an artifact is finished or error')
    }
    const flaw = state === 'finished' ? contentFlaw(artifact) : undefined
    if (flaw !== undefined) call.world.violation(`artifact ${artifact.path}: ${flaw}`)
    artifact.state = state
  }
  call.world.emit('change')
  return answer()
}

function contentFlaw({ content, described }: ArtifactRecord): string | undefined {
  if (described['upload_destination']) return undefined
  if (!content) return 'finished, but nothing was uploaded'
  if (content.length !== described['file_size'])
    return 'the upload is not of the size that was announced'
  const sum = createHash('sha1').update(content).digest('hex')
  return sum === described['sha1sum'] ? undefined : 'the upload does not have the announced SHA-1'
}

function search(call: JobCall): ApiResponse {
  const { world, params, request } = call
  const build = world.builds.get(params['build'] ?? '')
  if (!build) return refusal(404, 'No such build')
  const { query } = request
  const wanted = [...world.artifacts.values()].filter(
    artifact =>
      artifact.job.build === build &&
      fitsGlob(artifact.path, query.get('query') || '**') &&
      (query.get('state') ?? artifact.state) === artifact.state &&
      inScope(artifact, build, query.get('scope') ?? '') &&
      (query.get('include_retried_jobs') === 'true' || artifact.job.retriedIn === undefined),
  )
  const shown = query.get('include_duplicates') === 'true' ? wanted : latestOfEachPath(wanted)
  return answer(shown.map(artifact => searchHit(artifact, downloadUrl(world, artifact))))
}

function inScope({ job }: ArtifactRecord, build: BuildRecord, scope: string): boolean {
  const { step } = job.step
  return scope === '' || [job.id, job.step.id, step.key, step.label, build.id].includes(scope)
}

function latestOfEachPath(artifacts: readonly ArtifactRecord[]): ArtifactRecord[] {
  return [...new Map(artifacts.map(artifact => [artifact.path, artifact])).values()]
}

function searchHit(artifact: ArtifactRecord, url: string): Record<string, unknown> {
  return {
    ...artifact.described,
    id: artifact.id,
    job_id: artifact.job.id,
    state: artifact.state,
    url,
  }
}
