/**
 * One registered agent as upstream knows it: what a process needs to go on being that agent. Nothing of it is tied to
 * a TCP connection, so it lives on in the ledger.
 */
export interface AgentSession {
  agentId: string
  name: string
  accessToken: string
  endpoint: string
  /** Server-specified `Buildkite-*` headers, sent with every later call (agent-api §1.4). */
  requestHeaders: Record<string, string>
  /** Seconds. */
  pingInterval: number
  /** Seconds. */
  jobStatusInterval: number
  /** Seconds. */
  heartbeatInterval: number
}

/** What calls about one job need: the job token, with the endpoint and headers of the agent that has the job. */
export interface JobSession {
  jobId: string
  token: string
  endpoint: string
  requestHeaders: Record<string, string>
}

/**
 * The headers after an answer that may carry new ones: present replaces the whole set, absent or null leaves it, and
 * only names that begin with `Buildkite-` are kept (agent: api/client.go).
 */
export function nextRequestHeaders(
  current: Record<string, string>,
  sent: Record<string, string> | null | undefined,
): Record<string, string> {
  if (sent === undefined || sent === null) return current
  return Object.fromEntries(Object.entries(sent).filter(([name]) => name.startsWith('Buildkite-')))
}
