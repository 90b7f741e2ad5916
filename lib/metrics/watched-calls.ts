import type { Dispatcher } from 'undici'
import { isFenced } from '../fence.js'

/** What became of a call: the class of its status, or `none` when no whole answer came. */
export type CallStatus = (typeof callStatuses)[number]

export const callStatuses = ['2xx', '3xx', '4xx', '5xx', 'none'] as const

/** A call on the wire. `path` has no query. */
export interface WireCall {
  method: string
  path: string
  query: string
}

/** How it ended. */
export interface WireEnd {
  status: CallStatus
  /** From the moment in which it was to be sent: waiting for a connection counts. */
  seconds: number
}

/** What is told of calls, and by which clock (milliseconds). */
export interface CallWatch {
  now: () => number
  ended: (call: WireCall, end: WireEnd) => void
  /** Whether the beginning of the answer is all that counts: a stream has no end of its own. */
  isStream?: (call: WireCall) => boolean
}

/** The class of an HTTP status. */
export function statusClass(status: number | undefined): CallStatus {
  const known = callStatuses.find(one => one[0] === String(status)[0])
  return known ?? 'none'
}

/**
 * For `dispatcher.compose`: tells of each call once. One that the fence kept from the wire was none; each attempt of a
 * call that is tried again is one.
 */
export function watchCalls(watch: CallWatch): Dispatcher.DispatcherComposeInterceptor {
  return dispatch => (options, handler) => dispatch(options, watched(options, handler, watch))
}

function watched(
  { method, path: target }: Dispatcher.DispatchOptions,
  handler: Dispatcher.DispatchHandler,
  { now, ended, isStream }: CallWatch,
): Dispatcher.DispatchHandler {
  const from = now()
  const at = target.indexOf('?')
  const [path, query] = at < 0 ? [target, ''] : [target.slice(0, at), target.slice(at + 1)]
  const call = { method, path, query }
  let status: number | undefined
  let told = false
  const tell = (outcome: CallStatus) => {
    if (told) return
    told = true
    ended(call, { status: outcome, seconds: (now() - from) / 1_000 })
  }
  return {
    onRequestStart: (...args) => handler.onRequestStart?.(...args),
    onRequestUpgrade: (...args) => handler.onRequestUpgrade?.(...args),
    onResponseStart: (...args) => {
      status = args[1]
      if (isStream?.(call)) tell(statusClass(status))
      handler.onResponseStart?.(...args)
    },
    onResponseData: (...args) => handler.onResponseData?.(...args),
    onResponseEnd: (...args) => {
      tell(statusClass(status))
      handler.onResponseEnd?.(...args)
    },
    onResponseError: (...args) => {
      if (!isFenced(args[1])) tell('none')
      handler.onResponseError?.(...args)
    },
  }
}
