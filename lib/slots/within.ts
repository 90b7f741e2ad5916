import type { Clock } from '../clock.js'
import { UpstreamError } from '../upstream/connection.js'

/**
 * Makes calls to upstream that may take so many milliseconds in all, retries included. After that they are cut off, and
 * fail as if no answer had come.
 */
export async function within<T>(
  ms: number,
  { clock, signal }: { clock: Clock; signal?: AbortSignal | undefined },
  act: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const late = new AbortController()
  const done = new AbortController()
  clock.sleep(ms, done.signal).then(
    () => late.abort(new UpstreamError(`no answer within ${ms / 1_000} s`, { kind: 'network' })),
    () => undefined,
  )
  try {
    return await act(signal ? AbortSignal.any([signal, late.signal]) : late.signal)
  } finally {
    done.abort()
  }
}
