import { agentVersion } from '../../version.js'

const timeoutMs = 60_000
const arch = process.arch === 'x64' ? 'amd64' : process.arch

/** The user agent of the stand-in: the protocol of the agent that it stands in for, and plainly not its build. */
export const userAgent = `buildkite-agent/${agentVersion}.sandbox (${process.platform}; ${arch})`

/** An answer of the Agent API that is not a success. */
export class ApiError extends Error {
  readonly status: number
  readonly retryAfterMs: number | undefined

  constructor(status: number, message: string, retryAfterMs?: number) {
    super(message)
    this.status = status
    this.retryAfterMs = retryAfterMs
  }
}

/** A successful answer. */
export interface ApiAnswer {
  status: number
  headers: Headers
  text: string
}

/** The Agent API under one token. */
export class AgentApi {
  readonly #endpoint: string
  readonly #token: string
  readonly #headers: Record<string, string>

  constructor(endpoint: string, token: string, headers: Record<string, string> = {}) {
    this.#endpoint = endpoint.replace(/\/+$/, '')
    this.#token = token
    this.#headers = headers
  }

  /** The same API under another token, with the server's own `Buildkite-*` request headers if it has told any. */
  as(token: string, headers: Record<string, string> = this.#headers): AgentApi {
    return new AgentApi(this.#endpoint, token, headers)
  }

  /** A call without a body or with a JSON one. @throws ApiError, or what `fetch` throws. */
  call(
    method: string,
    path: string,
    options: { json?: object | undefined; headers?: Record<string, string> } = {},
  ): Promise<ApiAnswer> {
    const { json, headers } = options
    if (json === undefined) return this.#send(method, path, { headers })
    const typed = { 'content-type': 'application/json', ...headers }
    return this.#send(method, path, { headers: typed, body: `${JSON.stringify(json)}\n` })
  }

  /** A call whose answer is JSON. @throws ApiError, what `fetch` throws, or an Error when it is not JSON. */
  async json(
    method: string,
    path: string,
    options: { json?: object | undefined; headers?: Record<string, string> } = {},
  ): Promise<unknown> {
    const { text } = await this.call(method, path, options)
    return JSON.parse(text)
  }

  /** One chunk of the log, gzipped. @throws ApiError, or what `fetch` throws. */
  chunk(path: string, body: Uint8Array): Promise<ApiAnswer> {
    const headers = { 'content-type': 'text/plain', 'content-encoding': 'gzip' }
    return this.#send('POST', path, { headers, body })
  }

  async #send(
    method: string,
    path: string,
    options: { headers?: Record<string, string> | undefined; body?: string | Uint8Array },
  ): Promise<ApiAnswer> {
    const response = await fetch(`${this.#endpoint}/${path}`, {
      method,
      headers: {
        authorization: `Token ${this.#token}`,
        'user-agent': userAgent,
        ...this.#headers,
        ...options.headers,
      },
      ...(options.body === undefined ? {} : { body: options.body }),
      redirect: 'error',
      signal: AbortSignal.timeout(timeoutMs),
    })
    const text = await response.text()
    if (response.ok) return { status: response.status, headers: response.headers, text }
    const wait = Number(response.headers.get('retry-after') ?? Number.NaN)
    const message = `${method} ${path.replace(/\?.*/, '')}: ${response.status} ${said(text)}`
    throw new ApiError(response.status, message, Number.isFinite(wait) ? wait * 1000 : undefined)
  }
}

/** A part of a path: escaped, dots too, as the agent does it. */
export function part(text: string): string {
  return encodeURIComponent(text).replaceAll('.', '%2E')
}

/** The request headers that a registration or a ping tells us to send: only `Buildkite-*` counts. */
export function serverHeaders(answer: Record<string, unknown>): Record<string, string> {
  const told = Object.entries((answer['request_headers'] ?? {}) as Record<string, string>)
  return Object.fromEntries(told.filter(([name]) => name.startsWith('Buildkite-')))
}

function said(text: string): string {
  try {
    const { message } = JSON.parse(text) as { message?: unknown }
    return typeof message === 'string' ? message : ''
  } catch {
    return ''
  }
}
