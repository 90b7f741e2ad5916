import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { hostAddress } from './env.js'
import { exec } from './exec.js'
import type { Teardown } from './namespaces.js'

/** A repository that pods can clone. */
export interface GitServer {
  url: string
  branch: string
  /** The id of its one commit. */
  commit: string
}

/** Serves a repository of one commit with these files (path → text) over smart HTTP. It ends with the test. */
export async function startGitServer(
  t: Teardown,
  files: Record<string, string>,
): Promise<GitServer> {
  const folder = mkdtempSync(join(tmpdir(), 'git-server-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const commit = await makeRepository(folder, files)
  const server = createServer((request, response) => backend(folder, request, response))
  server.listen(0, '0.0.0.0')
  await once(server, 'listening')
  t.teardown(async () => {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  })
  const { port } = server.address() as AddressInfo
  return { url: `http://${hostAddress}:${port}/repo.git`, branch: 'main', commit }
}

async function makeRepository(folder: string, files: Record<string, string>): Promise<string> {
  const work = join(folder, 'work')
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(work, path)), { recursive: true })
    writeFileSync(join(work, path), text)
  }
  const identity = ['-c', 'user.name=test', '-c', 'user.email=test@example.org']
  const git = (...args: string[]) => exec('git', [...identity, '-C', work, ...args])
  await git('init', '--quiet', '--initial-branch=main')
  await git('add', '--all')
  await git('commit', '--quiet', '--message=first')
  await git('clone', '--quiet', '--bare', '.', join(folder, 'repo.git'))
  return (await git('rev-parse', 'HEAD')).trim()
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
