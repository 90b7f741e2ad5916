/** The bounds of the gateway. Times are milliseconds, sizes bytes. */
export interface GatewayLimits {
  /** How long a call is held in all. The agent gives a call 60 s. */
  holdMs: number
  /** The same for a heartbeat, a ping and the job's state: the agent asks again soon. */
  shortHoldMs: number
  /** Calls that are held at a time, and those of them that one pod may have. */
  held: number
  heldPerPod: number
  /** Calls of one pod that are served at a time; more wait. */
  callsPerPod: number
  /** TokenReviews that are asked for at a time; more wait. */
  reviews: number
  /** How long nothing may move on a connection in the middle of a call. */
  idleMs: number
  /** How long a call's headers may take, and how long a connection may stand without a call. */
  headersMs: number
  headerBytes: number
  /** What the gateway reads itself: register, heartbeat, finish, and what names a build. */
  bodyBytes: number
  /** How long the rest of a body is read whose call has been answered already. */
  drainMs: number
}

/**
 * No honest agent meets one. A call that was held for as long as it may be has 15 s left of the agent's 60. A first
 * packet that is lost may come 63 s late, and Go's client keeps an idle connection for 90 s: it is to close it, not we.
 */
export const gatewayLimits: GatewayLimits = {
  holdMs: 45_000,
  shortHoldMs: 5_000,
  held: 5_000,
  heldPerPod: 256,
  callsPerPod: 64,
  reviews: 20,
  idleMs: 120_000,
  headersMs: 130_000,
  headerBytes: 32 * 1024,
  bodyBytes: 256 * 1024,
  drainMs: 30_000,
}
