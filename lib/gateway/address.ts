import type { IncomingMessage } from 'node:http'

/** The address that a call came from; an IPv4 address in its usual form. Empty when the connection is gone. */
export function remoteAddress({ socket }: IncomingMessage): string {
  return plainAddress(socket.remoteAddress ?? '')
}

/** An address without IPv6's way of writing IPv4 (`::ffff:10.0.0.1`), without a zone, in lower case. */
export function plainAddress(address: string): string {
  return address
    .replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, '')
    .replace(/%.*$/, '')
    .toLowerCase()
}
