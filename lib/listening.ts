import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { messageOf, Problem, type ProblemCode } from './errors.js'

/** What cannot listen, when that is so. */
export interface Listener {
  code: ProblemCode
  /** What happened, in one line. */
  message: string
  /** The flag that says where it listens. */
  flag: string
}

/** Lets a server listen; the port that it got. @throws Problem with that code. */
export async function listenAt(
  server: Server,
  { host, port }: { host: string; port: number },
  { code, message, flag }: Listener,
): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, resolve)
  }).catch((error: unknown) => {
    throw new Problem(code, message, {
      where: `${flag} ${host}:${port}`,
      wanted: 'a free port and an address of this machine',
      found: messageOf(error),
      hint: hints[(error as NodeJS.ErrnoException).code ?? ''] ?? 'choose another address or port',
    })
  })
  return (server.address() as AddressInfo).port
}

const hints: Record<string, string> = {
  EADDRINUSE: 'is another job-spawner running? choose another port',
  EADDRNOTAVAIL: 'name an address of this machine, or 0.0.0.0',
  EACCES: 'choose a port above 1023',
}
