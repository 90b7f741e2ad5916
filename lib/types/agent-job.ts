// Generated from schemas/agent-job.json by `npm run generate`. Do not edit.

/**
 * A job as upstream's accept and acquire answer it (Agent API, PUT /jobs/:id/accept). Only the fields that we read are listed; all others are passed on as they came.
 */
export interface AgentJob {
  /**
   * The job's UUID.
   */
  id: string
  /**
   * The job's environment, strings only.
   */
  env: {
    [k: string]: string
  }
  /**
   * The job token; absent when the session token serves.
   */
  token?: string
  /**
   * Largest log chunk, in uncompressed bytes.
   */
  chunks_max_size_bytes: number
  chunks_interval_seconds?: number
  log_max_size_bytes?: number
}
