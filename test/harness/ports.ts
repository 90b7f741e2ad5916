import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'

/**
 * A port that is free now at that address, for a program that must be told its port, and told the same one when it
 * starts again. Below those that the kernel gives to outgoing connections, and beside those of NodePorts: a program
 * takes a second or two to listen, and connections come and go meanwhile.
 */
export async function freePort(host = '127.0.0.1'): Promise<number> {
  for (;;) {
    const port = randomInt(10_000, 30_000)
    const server = createServer()
    const listening = once(server.listen(port, host), 'listening')
    if (!(await listening.catch(() => undefined))) continue
    server.close()
    await once(server, 'close')
    return port
  }
}
