// Generated from schemas/agent-ping.json by `npm run generate`. Do not edit.

/**
 * Upstream's answer to GET /ping. Every field may be absent; unknown actions are idle.
 */
export interface AgentPing {
  action?: string | null
  message?: string | null
  endpoint?: string | null
  request_headers?: {
    [k: string]: string
  } | null
  job?: {
    id: string
    state?: string
  } | null
}
