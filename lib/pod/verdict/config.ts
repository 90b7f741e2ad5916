import type { Cause } from './causes.js'
import type { WaitingContainer } from './status.js'
import { atOnce, missingMs, passing, unknownMs, type Trouble } from './trouble.js'
import { entryOf, quote } from './words.js'

/** Why the kubelet or the runtime can make no container, and how long that is borne. */
export function configTrouble({ name, reason, message }: WaitingContainer): Trouble | undefined {
  const general = entryOf(byReason, reason)
  if (!general) return undefined
  const found = byWords
    .map(([words, kind]) => ({ kind, match: words.exec(message) }))
    .find(({ match }) => match)
  const kind = found?.kind ?? general
  return {
    cause: kind.cause,
    reason,
    graceMs: kind.graceMs,
    text: [
      `Container ${name} cannot be made: ${kind.text(found?.match ?? [])}.`,
      quote(reason, message),
      kind.help,
    ],
    container: name,
  }
}

/** A kind of trouble. `text` gets what the pattern has found. */
interface Kind {
  cause: Cause
  graceMs: number
  text: (found: readonly string[]) => string
  help: string
}

const secretHelp = 'Make it, mend the name, or mark the reference as optional.'

const missing: Kind = {
  cause: 'ConfigMissing',
  graceMs: missingMs,
  text: ([, kind = '', name = '']) =>
    `there is no ${kindName(kind)} ${name} in the namespace of the Jobs`,
  help: secretHelp,
}
const noKey: Kind = {
  cause: 'ConfigKeyMissing',
  graceMs: atOnce,
  text: ([, key = '', kind = '', name = '']) => `the ${kindName(kind)} ${name} has no key ${key}`,
  help: 'Mend the key, or add it, or mark the reference as optional.',
}
const nonRoot: Kind = {
  cause: 'RunAsNonRoot',
  graceMs: atOnce,
  text: () => 'it must not run as root, and its image does not say otherwise',
  help: "Set securityContext.runAsUser, or use an image with a user's number.",
}
const subPath: Kind = {
  cause: 'ContainerConfig',
  graceMs: atOnce,
  text: ([, name = '']) =>
    `a subPathExpr uses the variable ${name}, which the container does not have`,
  help: 'Give the container that variable, or mend the subPathExpr.',
}
const general: Kind = {
  cause: 'ContainerConfig',
  graceMs: unknownMs,
  text: () => 'what the step says of it does not fit',
  help: 'Mend what Kubernetes names.',
}
const command: Kind = {
  cause: 'ContainerCannotRun',
  graceMs: atOnce,
  text: () => 'its image and the step do not fit',
  help: 'Mend the image, the user, the working directory or the command that Kubernetes names.',
}
const notYet: Kind = {
  cause: 'ContainerConfig',
  graceMs: passing,
  text: () => 'the node is not ready to make it',
  help: 'That may pass: the kubelet tries again.',
}
const create: Kind = {
  cause: 'ContainerCreate',
  graceMs: unknownMs,
  text: () => 'the container runtime could not create it',
  help: 'A retry may help, if it is the trouble of this node.',
}

const byReason: Record<string, Kind> = {
  CreateContainerConfigError: general,
  CreateContainerError: create,
  RunContainerError: create,
  PreCreateHookError: create,
  PreStartHookError: create,
  PostStartHookError: create,
}

const byWords: [RegExp, Kind][] = [
  [/couldn't find key (\S+) in (Secret|ConfigMap) (?:\S+\/)?(\S+)/i, noKey],
  [/\b(secret|configmap) "([^"]+)" not found/i, missing],
  [/runAsNonRoot/, nonRoot],
  [/missing value for (\S+)/, subPath],
  [
    /failed to sync (secret|configmap) cache|services have not yet been read|host IP unknown/,
    notYet,
  ],
  [/context deadline exceeded|failed to reserve container name|is reserved for/, notYet],
  [
    /no command specified|executable file not found|exec format error|unable to find (user|group)|no users found|chdir to cwd/,
    command,
  ],
]

function kindName(kind: string): string {
  return kind.toLowerCase() === 'secret' ? 'Secret' : 'ConfigMap'
}
