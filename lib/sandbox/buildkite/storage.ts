import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import busboy from 'busboy'
import { refusal, violation, type ApiResponse, type Call, type Route } from './exchange.js'
import type { ArtifactRecord } from './records.js'
import type { World } from './world.js'

/**
 * The place where artifacts lie, in memory. Uploads are one form POST as to S3: the fields of `data` with
 * `${artifact:path}` filled in, the file last. No call here may carry an Agent API token.
 */
export const storageRoutes: Route[] = [
  { method: 'POST', path: '/storage/upload', token: 'none', handle: upload },
  { method: 'GET', path: '/storage/artifacts/:id', token: 'none', handle: download },
]

/** How an agent uploads the artifacts of a batch. */
export function uploadInstructions(world: World, batchId: string): Record<string, unknown> {
  const base = new URL(world.settings.publicUrl)
  const path = `${base.pathname.replace(/\/$/, '')}/storage/upload`
  return {
    // The agent takes the host from `url` and puts `path` in its place.
    action: { url: base.origin, method: 'POST', path, file_input: 'file' },
    data: {
      key: `${batchId}/\${artifact:path}`,
      acl: 'private',
      success_action_status: '201',
      signature: signature(batchId, world),
    },
  }
}

/** Where the content of an artifact is read. */
export function downloadUrl(world: World, artifact: ArtifactRecord): string {
  return `${world.settings.publicUrl.replace(/\/$/, '')}/storage/artifacts/${artifact.id}`
}

function signature(batchId: string, world: World): string {
  return createHash('sha256').update(`${batchId}:${world.settings.token}`).digest('hex')
}

async function upload(call: Call): Promise<ApiResponse> {
  const { world, request } = call
  if (request.headers.authorization !== undefined) {
    return violation(call, 400, 'an upload with an Agent API token')
  }
  const form = await readForm(call)
  if (!form) return violation(call, 400, 'the body is not a form with one file, last')
  const key = form.fields.get('key') ?? ''
  const artifact = [...world.artifacts.values()].find(one => one.storageKey === key)
  if (!artifact) return violation(call, 403, 'no artifact was announced under this key')
  if (form.fields.get('signature') !== signature(key.split('/')[0] ?? '', world)) {
    return violation(
      call,
      403,
      'the fields of the upload instructions are not those that were given',
    )
  }
  artifact.content = form.file
  return { status: 201 }
}

interface Form {
  fields: Map<string, string>
  file: Buffer
}

async function readForm({ request }: Call): Promise<Form | undefined> {
  const fields = new Map<string, string>()
  const files: Buffer[][] = []
  let isFileLast = true
  try {
    const parser = busboy({ headers: request.headers })
    parser.on('field', (name, value) => {
      isFileLast &&= files.length === 0
      fields.set(name, value)
    })
    parser.on('file', (name, stream) => {
      const parts: Buffer[] = []
      if (name === 'file') files.push(parts)
      stream.on('data', (part: Buffer) => parts.push(part))
    })
    await pipeline(Readable.from([request.body]), parser)
  } catch {
    return undefined
  }
  const [parts] = files
  return parts && files.length === 1 && isFileLast
    ? { fields, file: Buffer.concat(parts) }
    : undefined
}

function download({ world, params, request }: Call): ApiResponse {
  if (request.headers.authorization !== undefined) {
    world.violation(`GET ${request.path}: a download with an Agent API token`)
  }
  const artifact = world.artifacts.get(params['id'] ?? '')
  if (!artifact?.content) return refusal(404, 'no such object')
  const headers = { 'content-type': 'application/octet-stream' }
  return { status: 200, headers, body: artifact.content }
}
