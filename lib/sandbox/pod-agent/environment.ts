/** What the environment of a command is made of. */
export interface EnvironmentParts {
  /** Variables of this machine that every command gets: PATH, HOME and so on. */
  host: Readonly<Record<string, string>>
  /** The agent container's variables. */
  agent: Readonly<Record<string, string>>
  /** The job's variables, as acquire answered them. */
  job: Readonly<Record<string, string>>
  /** The container's own variables. */
  container: Readonly<Record<string, string>>
  endpoint: string
  token: string
  /** The folder with the `buildkite-agent` command in it. */
  bin: string
  /** The folder that is `/workspace`. */
  workspace: string
}

// What the real agent takes for its own use, so that the job never sees it (agent-api.md §7.1).
const agentOnly = [
  'BUILDKITE_AGENT_TOKEN',
  'BUILDKITE_AGENT_ACQUIRE_JOB',
  'BUILDKITE_AGENT_TAGS',
  'BUILDKITE_AGENT_NAME',
  'BUILDKITE_CONTAINER_COUNT',
]

// Where the container's own value counts, and the agent's does not, also when the container has none (§7.3).
const containersOwn = [
  'BUILDKITE_BOOTSTRAP_PHASES',
  'BUILDKITE_COMMAND',
  'BUILDKITE_CONTAINER_ID',
  'BUILDKITE_JOB_CONTEXT_DIR',
  'BUILDKITE_SOCKETS_PATH',
  'HOME',
  'HOSTNAME',
  'PATH',
  'PWD',
  'SHLVL',
  'TERM',
]

/** The environment of a container's command, merged as the real agent's bootstrap merges it. */
export function commandEnvironment(parts: EnvironmentParts): Record<string, string> {
  const { host, agent, job, container, bin, workspace } = parts
  const registered: Record<string, string> = {
    BUILDKITE_SHELL: '/bin/sh -ec',
    BUILDKITE_BUILD_PATH: '/workspace/build',
    ...without(agent, agentOnly),
    ...without(
      job,
      agentOnly.filter(name => name !== 'BUILDKITE_AGENT_NAME'),
    ),
    BUILDKITE_AGENT_ENDPOINT: parts.endpoint,
    BUILDKITE_AGENT_ACCESS_TOKEN: parts.token,
    BUILDKITE_BIN_PATH: bin,
  }
  const shell = container['BUILDKITE_SHELL']
  const merged: Record<string, string> = {
    ...host,
    ...container,
    ...without(registered, containersOwn),
    ...(shell === undefined ? {} : { BUILDKITE_SHELL: shell }),
    BUILDKITE_KUBERNETES_EXEC: 'true',
  }
  const buildPath = merged['BUILDKITE_BUILD_PATH']
  const checkout = merged['BUILDKITE_BUILD_CHECKOUT_PATH'] ?? `${buildPath}/buildkite`
  const path = [bin, merged['PATH']].filter(text => text !== undefined && text !== '').join(':')
  const all = { ...merged, BUILDKITE_BUILD_CHECKOUT_PATH: checkout, PATH: path }
  return Object.fromEntries(
    Object.entries(all).map(([name, value]) => [name, inWorkspace(value, workspace)]),
  )
}

/** A value that begins with the path `/workspace` has the folder there instead; any other is left as it is. */
export function inWorkspace(value: string, workspace: string): string {
  if (value !== '/workspace' && !value.startsWith('/workspace/')) return value
  return `${workspace}${value.slice('/workspace'.length)}`
}

function without(
  variables: Readonly<Record<string, string>>,
  names: readonly string[],
): Record<string, string> {
  return Object.fromEntries(Object.entries(variables).filter(([name]) => !names.includes(name)))
}
