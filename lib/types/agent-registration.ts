// Generated from schemas/agent-registration.json by `npm run generate`. Do not edit.

/**
 * Upstream's answer to POST /register.
 */
export interface AgentRegistration {
  id: string
  name: string
  access_token: string
  endpoint?: string | null
  request_headers?: {
    [k: string]: string
  } | null
  /**
   * Seconds.
   */
  ping_interval: number
  /**
   * Seconds.
   */
  job_status_interval: number
  /**
   * Seconds.
   */
  heartbeat_interval: number
  meta_data?: string[] | null
}
