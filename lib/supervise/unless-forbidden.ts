import { isClusterError } from '../cluster/cluster-error.js'

/** The answer; undefined, after `say`, when the API server says that we may not ask. */
export async function unlessForbidden<T>(
  answer: Promise<T>,
  say: (error: unknown) => void,
): Promise<T | undefined> {
  try {
    return await answer
  } catch (error) {
    if (!isClusterError(error) || error.status !== 403) throw error
    say(error)
    return undefined
  }
}
