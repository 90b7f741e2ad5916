import { readFileSync } from 'node:fs'
import { messageOf, Problem } from '../errors.js'

interface TokenSettings {
  given: string | null
  file: string | null
  where: { given: string | undefined; file: string | undefined }
}

/**
 * The agent token: the one that was given, or the one in the file. `where` says by which flag, variable or key.
 * @throws Problem CONFIG_INVALID when there is none or two, TOKEN_FILE when it can't be read or used. Never with it.
 */
export function agentToken({ given, file, where }: TokenSettings): string {
  if (given !== null && file !== null) {
    throw new Problem('CONFIG_INVALID', 'the agent token is given twice', {
      where: `${where.given} and ${where.file}`,
      wanted: 'one of the two',
      found: 'both',
      hint: 'remove one of them',
    })
  }
  if (given !== null) return cleanToken(given, where.given ?? '--token')
  if (file !== null) return cleanToken(readToken(file), file)
  throw new Problem('CONFIG_INVALID', 'there is no agent token', {
    where: '--token, --token-file, BUILDKITE_AGENT_TOKEN, BUILDKITE_AGENT_TOKEN_FILE',
    wanted: 'the agent token of the Buildkite cluster',
    found: 'none of them is set',
    hint: 'create one at Buildkite under Agents, your cluster, Agent tokens',
  })
}

function readToken(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new Problem('TOKEN_FILE', "the token file can't be read", {
      where: file,
      wanted: 'a file that holds the agent token',
      found: messageOf(error),
      hint: 'check the path and its permissions',
    })
  }
}

function cleanToken(text: string, where: string): string {
  const clean = text.trim()
  if (/^[\x21-\x7e]+$/.test(clean)) return clean
  throw new Problem('TOKEN_FILE', "the agent token can't be used", {
    where,
    wanted: 'one line of printable characters without spaces',
    found: clean === '' ? 'nothing' : 'spaces, line breaks or other characters in it',
    hint: 'copy the token again, and nothing else',
  })
}
