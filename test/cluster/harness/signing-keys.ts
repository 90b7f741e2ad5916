import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { clusterState } from './env.js'
import { exec } from './exec.js'
import type { Teardown } from './namespaces.js'

/** A pair of keys for pipelines. */
export interface SigningKeys {
  /** The private key set, as text. */
  privateJwks: string
  /** The public key set, as text. */
  publicJwks: string
  /** A pipeline, signed for a repository, as YAML. */
  sign(pipeline: string, repo: string): Promise<string>
}

// The one that is in the agent image.
const agent = join(clusterState, 'bin/buildkite-agent')

/** Makes a pair of keys with the agent's own tool. Its files go with the test. */
export async function makeSigningKeys(t: Teardown): Promise<SigningKeys> {
  const folder = mkdtempSync(join(tmpdir(), 'signing-keys-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const [privateFile, publicFile] = [join(folder, 'private.json'), join(folder, 'public.json')]
  const files = ['--private-jwks-file', privateFile, '--public-jwks-file', publicFile]
  await exec(agent, ['tool', 'keygen', '--alg', 'EdDSA', '--key-id', 'test', ...files])
  const flags = ['--jwks-file', privateFile, '--jwks-key-id', 'test', '--repo']
  return {
    privateJwks: readFileSync(privateFile, 'utf8'),
    publicJwks: readFileSync(publicFile, 'utf8'),
    sign: (input, repo) => exec(agent, ['tool', 'sign', ...flags, repo], { input }),
  }
}
