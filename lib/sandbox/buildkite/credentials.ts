import { randomUUID } from 'node:crypto'
import {
  answer,
  refusal,
  violation,
  type ApiResponse,
  type Call,
  type JobCall,
  type Route,
} from './exchange.js'
import { checkedBody } from './json-call.js'

/** What a job may ask for in its own name: secrets and tokens; caches, of which there are none; and what it may not. */
export const credentialRoutes: Route[] = [
  { method: 'GET', path: '/jobs/:job/secrets', token: 'job', own: true, handle: secret },
  { method: 'POST', path: '/jobs/:job/oidc/tokens', token: 'job', own: true, handle: oidcToken },
  ...['repository_access_token', 'github_code_access_token'].map((name): Route => {
    return { method: 'POST', path: `/jobs/:job/${name}`, token: 'job', own: true, handle: noAccess }
  }),
  ...['GET', 'POST', 'PUT'].map((method): Route => {
    return { method, path: '/cache_registries/*', token: 'job', handle: noCache }
  }),
  ...['/stop', '/pause', '/resume'].map((path): Route => {
    return { method: 'POST', path, token: 'none', handle: refuseStop }
  }),
]

function noAccess(): ApiResponse {
  return refusal(404, 'No repository access for this pipeline')
}

function noCache(): ApiResponse {
  return refusal(404, 'Cache registry not found')
}

function secret({ world, request }: JobCall): ApiResponse {
  const key = request.query.get('key') ?? ''
  const value = Object.hasOwn(world.settings.secrets, key) ? world.settings.secrets[key] : undefined
  return value === undefined
    ? refusal(404, 'No such secret')
    : answer({ key, value, uuid: randomUUID() })
}

function oidcToken(call: JobCall): ApiResponse {
  const checked = checkedBody(call, {
    audience: 'string?',
    lifetime: 'integer?',
    claims: 'strings?',
    aws_session_tags: 'strings?',
    subject_claim: 'string?',
  })
  if ('wrong' in checked) return checked.wrong
  const { world, caller: job } = call
  const { audience = 'https://buildkite.invalid', lifetime = 300 } = checked.body
  const issued = Math.floor(world.clock.now() / 1000)
  const claims = {
    iss: 'https://agent.buildkite.invalid',
    aud: audience,
    sub: `organization:${world.settings.organization}:pipeline:${world.settings.pipeline}`,
    iat: issued,
    exp: issued + Number(lifetime),
    build_number: job.build.number,
    job_id: job.id,
  }
  const encoded = [{ alg: 'none', typ: 'JWT' }, claims].map(part =>
    Buffer.from(JSON.stringify(part)).toString('base64url'),
  )
  return answer({ token: `${encoded.join('.')}.` })
}

/** `buildkite-agent stop` in a job would stop the agent that accepted it, not the pod: no one may pass it on. */
function refuseStop(call: Call): ApiResponse {
  return violation(call, 422, 'a job must not stop or pause the agent that accepted it')
}
