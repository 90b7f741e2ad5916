import { gunzipSync } from 'node:zlib'
import {
  answer,
  holdsJob,
  refusal,
  violation,
  type ApiResponse,
  type JobCall,
  type Route,
} from './exchange.js'
import { isOver, isUnderWay } from './lifecycle.js'

/** The log of a job, in chunks. */
export const chunkRoutes: Route[] = [
  {
    method: 'POST',
    path: '/jobs/:job/chunks',
    token: 'job',
    own: true,
    late: true,
    handle: uploadChunk,
  },
]

const over = "Job can't have chunks"

function uploadChunk(call: JobCall): ApiResponse {
  const { world, caller: job } = call
  if (isOver(job.state)) {
    return job.finishBody === undefined
      ? refusal(400, over)
      : violation(call, 400, `${over}: it is finished`)
  }
  if (!isUnderWay(job.state))
    return violation(call, 400, `${over}: it is ${job.state}, not started`)
  if (!holdsJob(call)) return refusal(401, 'Invalid access token')
  const read = readChunk(call)
  if (typeof read === 'string') return violation(call, 400, read)
  const addition = job.log.add({ ...read, at: world.clock.now() })
  if (addition.kind === 'conflict') {
    return violation(call, 400, `another chunk with the sequence ${read.sequence} came before`)
  }
  if (addition.kind === 'added') {
    if (job.log.chunks.size === 1) world.note(job, 'firstChunk')
    if (addition.text !== '') world.emit('log', job.id, addition.text)
    world.emit('change')
  }
  return answer({ id: `${job.id}-${read.sequence}` }, 201)
}

function readChunk(call: JobCall): { sequence: number; offset: number; data: Buffer } | string {
  const { query, headers, body } = call.request
  const [sequence, offset, size] = ['sequence', 'offset', 'size'].map(name =>
    wholeNumber(query.get(name)),
  )
  if (sequence === undefined || offset === undefined || size === undefined) {
    return 'the query must have whole numbers sequence, offset and size'
  }
  if (sequence < 1) return 'the first sequence is 1'
  if (headers['content-type'] !== 'text/plain') return 'Content-Type must be text/plain'
  if (headers['content-encoding'] !== 'gzip') return 'Content-Encoding must be gzip'
  const limit = call.world.settings.chunksMaxSizeBytes
  if (size > limit) return `size is ${size}, above chunks_max_size_bytes ${limit}`
  if (size === 0) return 'an empty chunk'
  const data = unzipped(body)
  if (!data) return 'the body is not gzip'
  if (data.length !== size) return `size says ${size} bytes, the body has ${data.length}`
  return { sequence, offset, data }
}

function wholeNumber(text: string | null): number | undefined {
  return text !== null && /^\d+$/.test(text) ? Number(text) : undefined
}

function unzipped(body: Buffer): Buffer | undefined {
  try {
    return gunzipSync(body)
  } catch {
    return undefined
  }
}
