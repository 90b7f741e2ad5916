import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { stringify } from 'yaml'

/** Writes a kubeconfig for the embedded API into a folder, and gives its path. Only its owner may read it. */
export async function writeKubeconfig(
  folder: string,
  server: { url: string; token: string },
): Promise<string> {
  const path = join(folder, 'kubeconfig')
  await writeFile(path, stringify(kubeconfig(server)), { mode: 0o600 })
  return path
}

function kubeconfig(server: { url: string; token: string }): object {
  const name = 'sandbox'
  return {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': name,
    // The client library sends nothing over plain http unless it is told that this is meant.
    clusters: [{ name, cluster: { server: server.url, 'insecure-skip-tls-verify': true } }],
    users: [{ name, user: { token: server.token } }],
    contexts: [{ name, context: { cluster: name, user: name, namespace: 'default' } }],
  }
}
