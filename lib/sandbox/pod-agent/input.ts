/** What the stand-in is given as the first line of its standard input: one pod, with all variables resolved. */
export interface PodInput {
  name: string
  namespace: string
  uid: string
  /** The pod's own folder on this machine. */
  root: string
  /** The folder that is `/workspace` to the containers. */
  workspace: string
  initContainers: ContainerInput[]
  containers: ContainerInput[]
}

/** Where a path of a container leads to on this machine. */
export interface Mount {
  path: string
  folder: string
}

/** One container of the pod. */
export interface ContainerInput {
  name: string
  image: string
  env: Record<string, string>
  /** The files that it finds in volumes: tokens. */
  mounts: Mount[]
  /** An init container that stays for as long as the pod does. */
  sidecar: boolean
  /** It cannot start: its image cannot be had, or a Secret is missing. */
  blocked: boolean
}

/** What the stand-in tells the kubelet, one JSON line each on standard output. */
export type PodReport =
  | { type: 'running'; container: string }
  | { type: 'terminated'; container: string; exitCode: number }
  /** Output of a container, in base64. */
  | { type: 'log'; container: string; data: string }
  /** A process group was started, or is gone. */
  | { type: 'group'; pid: number }
  | { type: 'group-over'; pid: number }

/** The containers by what they do. `others` are those that have no agent in them, such as init containers. */
export interface Roles {
  agent: ContainerInput | undefined
  checkout: ContainerInput | undefined
  commands: ContainerInput[]
  others: ContainerInput[]
}

/** The roles of a pod's containers, as their variables tell them; commands in the order of their ids. */
export function rolesOf(input: PodInput): Roles {
  const having = (role: keyof Roles) => input.containers.filter(each => roleOf(each) === role)
  return {
    agent: having('agent')[0],
    checkout: having('checkout')[0],
    commands: having('commands').toSorted((a, b) => idOf(a) - idOf(b)),
    others: [...input.initContainers, ...having('others')],
  }
}

function roleOf({ env }: ContainerInput): keyof Roles {
  const phases = (env['BUILDKITE_BOOTSTRAP_PHASES'] ?? '').split(',')
  if (env['BUILDKITE_AGENT_ACQUIRE_JOB'] !== undefined) return 'agent'
  if (phases.includes('command')) return 'commands'
  return phases.includes('checkout') ? 'checkout' : 'others'
}

function idOf(container: ContainerInput): number {
  return Number(container.env['BUILDKITE_CONTAINER_ID'] ?? 0)
}
