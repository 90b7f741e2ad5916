import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { isDeepStrictEqual } from 'node:util'
import { hostAddress } from './env.js'
import { makeRepository, type RepositoryContent } from './git-repository.js'
import type { Teardown } from './namespaces.js'

/** A repository that pods can clone. */
export interface GitServer {
  url: string
  branch: string
  /** The id of its last commit. */
  commit: string
  /** Where it is on this machine: the folder that `repo.git` is in. */
  folder: string
  /** Each request so far: method and path, and the user that it gave. */
  requests: { what: string; user: string | undefined }[]
}

/** How a repository is served, and what is in it besides its files. */
export interface GitServerOptions extends Omit<RepositoryContent, 'files'> {
  /** Who may clone; everybody when it is left out. */
  login?: Login
}

/** A name and a password, for basic authentication. */
export interface Login {
  user: string
  password: string
}

/** Serves a repository with these files (path → text) over smart HTTP. It ends with the test. */
export async function startGitServer(
  t: Teardown,
  files: Record<string, string>,
  { login, ...content }: GitServerOptions = {},
): Promise<GitServer> {
  const repository = await makeRepository(t, { ...content, files })
  const requests: GitServer['requests'] = []
  const server = createServer((request, response) => {
    const given = loginOf(request)
    requests.push({ what: `${request.method} ${request.url}`, user: given?.user })
    if (login && !isDeepStrictEqual(given, login)) return void refuse(response)
    backend(repository.folder, request, response)
  })
  server.listen(0, '0.0.0.0')
  await once(server, 'listening')
  t.teardown(async () => {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  })
  const { port } = server.address() as AddressInfo
  return { url: `http://${hostAddress}:${port}/repo.git`, ...repository, requests }
}

function loginOf({ headers }: IncomingMessage): Login | undefined {
  const [, encoded] = /^Basic (.+)$/.exec(headers.authorization ?? '') ?? []
  const [, user, password] =
    /^([^:]*):(.*)$/s.exec(Buffer.from(encoded ?? '', 'base64').toString()) ?? []
  return user === undefined || password === undefined ? undefined : { user, password }
}

function refuse(response: ServerResponse): void {
  response.writeHead(401, { 'www-authenticate': 'Basic realm="git"' }).end('who are you?\n')
}

// Git's own CGI program does the protocol; this is the small part of a web server that it wants around it.
function backend(folder: string, request: IncomingMessage, response: ServerResponse): void {
  const url = new URL(request.url ?? '/', 'http://git')
  const header = (name: string) => String(request.headers[name] ?? '')
  const child = spawn('git', ['http-backend'], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: {
      PATH: process.env['PATH'],
      GIT_PROJECT_ROOT: folder,
      GIT_HTTP_EXPORT_ALL: '1',
      REQUEST_METHOD: request.method,
      PATH_INFO: url.pathname,
      QUERY_STRING: url.search.slice(1),
      CONTENT_TYPE: header('content-type'),
      HTTP_CONTENT_ENCODING: header('content-encoding'),
      GIT_PROTOCOL: header('git-protocol'),
    },
  })
  request.pipe(child.stdin.on('error', () => {}))
  const chunks: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
  child.once('close', () => answer(Buffer.concat(chunks), response))
}

function answer(output: Buffer, response: ServerResponse): void {
  const end = output.indexOf('\r\n\r\n')
  if (end < 0) return void response.writeHead(500).end()
  const fields = output
    .subarray(0, end)
    .toString('latin1')
    .split('\r\n')
    .map(line => line.split(/: (.*)/s, 2) as [string, string])
  const { Status: status = '200', ...headers } = Object.fromEntries(fields)
  response.writeHead(parseInt(status, 10), headers).end(output.subarray(end + 4))
}
