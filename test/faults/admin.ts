import { readFileSync } from 'node:fs'
import type { EmbeddedCluster } from '../../lib/sandbox/cluster/server.js'

/** Asks the API server as someone who may do anything; what it answered, or nothing when it did not. */
export async function asAdmin(
  { kubeconfig, url }: EmbeddedCluster,
  method: string,
  path: string,
  body?: object,
): Promise<string | undefined> {
  const token = /token: "?([^"\s]+)/.exec(readFileSync(kubeconfig, 'utf8'))?.[1] ?? ''
  try {
    const answer = await fetch(`${url}${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: body && JSON.stringify(body),
    })
    const text = await answer.text()
    return answer.ok ? text : undefined
  } catch {
    return undefined
  }
}
