import { agentRoutes } from './agents.js'
import { annotationRoutes } from './annotations.js'
import { artifactRoutes } from './artifacts.js'
import { authorized } from './authorize.js'
import { chunkRoutes } from './chunks.js'
import { credentialRoutes } from './credentials.js'
import {
  answer,
  pathParams,
  violation,
  type ApiRequest,
  type ApiResponse,
  type Route,
} from './exchange.js'
import { jobRoutes } from './jobs.js'
import { metaDataRoutes } from './meta-data.js'
import { pipelineRoutes } from './pipelines.js'
import { stepRoutes } from './steps.js'
import { storageRoutes } from './storage.js'
import type { World } from './world.js'

const apiRoutes: readonly Route[] = [
  ...agentRoutes,
  ...jobRoutes,
  ...chunkRoutes,
  ...metaDataRoutes,
  ...annotationRoutes,
  ...artifactRoutes,
  ...pipelineRoutes,
  ...stepRoutes,
  ...credentialRoutes,
]

/** The streaming variant of ping, which lives at the root of the host. 404 makes an agent poll instead. */
const streamPings = '/agentedge.v1.AgentEdgeService/StreamPings'

/** Answers a request: the Agent API below `/v3`, the artifact storage below `/storage`. */
export function route(world: World, request: ApiRequest): ApiResponse | Promise<ApiResponse> {
  const { method, path } = request
  const isApi = path.startsWith('/v3/')
  const below = isApi ? path.slice(3) : path
  for (const candidate of isApi ? apiRoutes : storageRoutes) {
    const params = candidate.method === method ? pathParams(candidate.path, below) : undefined
    if (params) return authorized(candidate, { world, request, params })
  }
  if (path === streamPings) return { status: 404, body: 'not found' }
  if (method === 'GET' && ['/', '/v3', '/v3/'].includes(path)) {
    return answer({ message: 'The sandbox', timestamp: Math.floor(world.clock.now() / 1000) })
  }
  return violation({ world, request, params: {} }, 404, 'no such route')
}
