import type { IncomingHttpHeaders } from 'node:http'

// RFC 9110 §7.6.1, with the names that older intermediaries use.
const hopByHop = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

// Ours to set, or meaningless upstream.
const notForwarded = new Set(['host', 'authorization', 'expect', 'content-length', 'cookie'])

// By these a server may be told that a call is another one, or another's, than its first line says.
const disguises =
  /^(?:x-(?:http-)?method(?:-override)?|x-(?:original|rewrite)-ur[il]|forwarded|x-forwarded-.*|x-real-ip|x-sendfile-type|x-accel-.*)$/

/**
 * The headers of a pod's call as they go upstream: hop-by-hop headers, the pod's own `Buildkite-*` (but for its time-out)
 * and what could disguise the call are dropped, the real job token and upstream's server-specified headers put in
 * (agent-api §1.4).
 */
export function upstreamHeaders(
  incoming: IncomingHttpHeaders,
  { token, requestHeaders }: { token: string; requestHeaders: Record<string, string> },
): Record<string, string | string[]> {
  const named = namedByConnection(incoming.connection)
  const kept = Object.entries(incoming).filter(
    (entry): entry is [string, string | string[]] =>
      entry[1] !== undefined &&
      passes(entry[0], named) &&
      !notForwarded.has(entry[0]) &&
      !disguises.test(entry[0]) &&
      !serverSpecified(entry[0]),
  )
  return { ...Object.fromEntries(kept), ...requestHeaders, authorization: `Token ${token}` }
}

/** The headers of upstream's answer as they go to the pod: all but hop-by-hop. */
export function podHeaders(answered: IncomingHttpHeaders): Record<string, string | string[]> {
  const named = namedByConnection(answered.connection)
  const kept = Object.entries(answered).filter(
    (entry): entry is [string, string | string[]] =>
      entry[1] !== undefined && passes(entry[0], named),
  )
  return Object.fromEntries(kept)
}

function passes(name: string, named: Set<string>): boolean {
  return !hopByHop.has(name) && !named.has(name)
}

function serverSpecified(name: string): boolean {
  return name.startsWith('buildkite-') && name !== 'buildkite-timeout-milliseconds'
}

// Whatever the Connection header names is hop-by-hop too.
function namedByConnection(connection: string | string[] | undefined): Set<string> {
  const names = [connection ?? []].flat().flatMap(value => value.split(','))
  return new Set(names.map(name => name.trim().toLowerCase()))
}
