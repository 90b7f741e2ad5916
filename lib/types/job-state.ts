// Generated from schemas/job-state.json by `npm run generate`. Do not edit.

/**
 * Upstream's answer to GET /jobs/:id.
 */
export interface JobState {
  state: string
}
