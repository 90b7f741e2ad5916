import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'

/** A port that is free now, for a program that must be told its port, and told the same one when it starts again. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '0.0.0.0')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
