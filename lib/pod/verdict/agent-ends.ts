import type { Cause } from './causes.js'
import type { Seen, Verdict } from './judgement.js'
import { isOutOfMemory, memoryText } from './memory.js'
import { over } from './over.js'
import {
  agentState,
  endText,
  exitCode,
  neverStarted,
  signalName,
  type EndedContainer,
} from './status.js'
import { runtimeSays } from './container-end.js'

/**
 * What the exit codes of `buildkite-agent start --acquire-job` mean of an agent that has not finished its job (agent
 * v3.137, clicommand/agent_start.go; Agent API, exit codes).
 */
export const agentExits: Readonly<Record<number, string>> = {
  0: 'It ended in order and has not finished the job: it could not acquire or start it, or could not make its job runner.',
  1: 'It could not register or connect at the gateway, or was told to stop and did not get done in time.',
  27: 'The gateway did not give it the job: the job has ended, or another pod has it.',
  28: 'The job is locked: it waits for others that it depends on.',
  126: 'The program in the agent image may not be executed.',
  127: 'The program is not in the agent image.',
}

/** The pod agent ended, and nobody else can finish the job. */
export function agentEnded(seen: Seen): Verdict | undefined {
  const state = seen.pod && agentState(seen.pod)?.terminated
  if (!seen.pod || !state) return undefined
  const container = { name: 'agent', state }
  const cause = causeOf(container)
  const text =
    cause === 'AgentOutOfMemory'
      ? memoryText(seen.pod, 'agent')
      : [sentences[cause], endText(container), runtimeSays(container), meaning(container)]
  return over(cause, seen, { text, container })
}

function causeOf(container: EndedContainer): Cause {
  if (isOutOfMemory(container)) return 'AgentOutOfMemory'
  if (neverStarted(container.state)) return 'AgentNotStarted'
  // The runtime's word for a container that was gone when it came back.
  if (container.state.reason === 'Unknown') return 'NodeRestarted'
  return signalName(container.state) === undefined ? 'AgentExited' : 'AgentKilled'
}

const sentences: Partial<Record<Cause, string>> = {
  AgentExited: 'The agent ended without finishing the job.',
  AgentKilled: 'The agent was killed, and nobody else can finish the job.',
  NodeRestarted:
    'The node or its container runtime restarted, and the agent did not live through it.',
  AgentNotStarted: 'The agent could not be started.',
}

function meaning({ state }: EndedContainer): string | undefined {
  if (neverStarted(state)) return 'Whoever runs the job spawner sees to its agent image.'
  if (signalName(state) !== undefined || state.reason === 'Unknown')
    return 'The step is not to blame: a retry may help.'
  return agentExits[exitCode(state)]
}
