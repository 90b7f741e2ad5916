import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { messageOf } from '../../errors.js'
import type { ContainerInput } from './input.js'

const scheme = 'file://'

/**
 * The token that an agent registers with: BUILDKITE_AGENT_TOKEN, or what is in the file that it names, without the
 * white space around it, as the real agent reads it (clicommand/register_token.go). The file is looked for in the
 * container's volumes, and nowhere else.
 * @throws Error when the file can't be read. Its message never has a token in it.
 */
export function registrationToken({ env, mounts }: ContainerInput): string {
  const token = env['BUILDKITE_AGENT_TOKEN'] ?? ''
  if (!token.startsWith(scheme)) return token
  const path = token.slice(scheme.length)
  const mount = mounts.find(each => path.startsWith(`${each.path.replace(/\/+$/, '')}/`))
  try {
    if (!mount) throw new Error(`open ${path}: no such file or directory`)
    const inside = path.slice(mount.path.replace(/\/+$/, '').length)
    return readFileSync(join(mount.folder, inside), 'utf8').trim()
  } catch (error) {
    throw new Error(
      `failed to resolve registration token "${token}": couldn't read token from file: ${messageOf(error)}`,
      { cause: error },
    )
  }
}
