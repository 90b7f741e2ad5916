import type { V1EnvVar, V1Volume, V1VolumeMount } from '@kubernetes/client-node'
import type { AgentConfig } from '../../types/agent-config.js'
import { exactly } from './env.js'

/** What a container is for, as far as the operator's mounts differ by it. */
export type ContainerRole = 'agent' | 'checkout' | 'command' | 'copy-agent'

/** The variables that the operator's `agent-config` gives the agent container, and that a patch may change. */
export function agentConfigEnv(config: AgentConfig = {}): V1EnvVar[] {
  return [
    exactly('BUILDKITE_HOOKS_PATH', config['hooks-path'] ?? usualHooksPath),
    exactly('BUILDKITE_PLUGINS_PATH', pluginsPath(config)),
    exactly('BUILDKITE_SHELL', config.shell ?? '/bin/sh -ec'),
    ...variables(config, changeable),
    ...signingEnv(config),
    // An agent without a key would refuse each job that is signed.
    ...(failureBehavior(config) === undefined ? [exactly(failureBehaviorName, 'warn')] : []),
  ]
}

/**
 * The variables that the operator sets to hold jobs to something: which hooks run, what may run, whose signature
 * counts. No patch changes them; what the operator does not set is not among them.
 */
export function operatorsEnv(config: AgentConfig = {}): V1EnvVar[] {
  return [...variables(config, held), ...hooksEnv(config), ...verificationEnv(config)]
}

/** Whether the agent checks the signatures of jobs. */
export function verifies(config: AgentConfig = {}): boolean {
  return (
    config.verificationJWKSVolume !== undefined || config['verification-jwks-file'] !== undefined
  )
}

/** The volumes of the operator's hooks, plugins and keys. */
export function agentConfigVolumes(config: AgentConfig = {}): V1Volume[] {
  return [
    config.hooksVolume,
    ...(config['additional-hooks'] ?? []).map(({ volume }) => volume),
    config.pluginsVolume,
    config.signingJWKSVolume,
    config.verificationJWKSVolume,
  ].filter(volume => volume !== undefined)
}

/**
 * The mounts of these volumes in a container: hooks and plugins where they run, each key where it is used. Only the
 * folder of plugins is for writing, as the agent clones into it: no job changes the hooks of the next.
 */
export function agentConfigMounts(config: AgentConfig = {}, role: ContainerRole): V1VolumeMount[] {
  const runs = role !== 'copy-agent'
  const signs = role === 'agent' || role === 'command'
  return [
    ...readOnly(mount(runs, config.hooksVolume, config['hooks-path'] ?? usualHooksPath)),
    ...readOnly(
      (config['additional-hooks'] ?? []).flatMap(({ volume, path }) => mount(runs, volume, path)),
    ),
    ...mount(runs, config.pluginsVolume, pluginsPath(config)),
    ...readOnly(mount(signs, config.signingJWKSVolume, signingKey(config).folder)),
    ...readOnly(
      mount(role === 'agent', config.verificationJWKSVolume, verificationKey(config).folder),
    ),
  ]
}

const usualHooksPath = '/workspace/hooks'

function pluginsPath(config: AgentConfig): string {
  return config['plugins-path'] ?? '/workspace/plugins'
}

// Key of the agent's configuration, and its variable (Buildkite agent v3, `agent start`).
const changeable = [
  ['experiment', 'BUILDKITE_AGENT_EXPERIMENT'],
  ['no-color', 'BUILDKITE_AGENT_NO_COLOR'],
  ['strict-single-hooks', 'BUILDKITE_STRICT_SINGLE_HOOKS'],
  ['no-multipart-artifact-upload', 'BUILDKITE_NO_MULTIPART_ARTIFACT_UPLOAD'],
  ['trace-context-encoding', 'BUILDKITE_TRACE_CONTEXT_ENCODING'],
  ['tracing-backend', 'BUILDKITE_TRACING_BACKEND'],
  ['tracing-service-name', 'BUILDKITE_TRACING_SERVICE_NAME'],
  ['tracing-propagate-traceparent', 'BUILDKITE_TRACING_PROPAGATE_TRACEPARENT'],
  ['disable-warnings-for', 'BUILDKITE_AGENT_DISABLE_WARNINGS_FOR'],
  ['debug-signing', 'BUILDKITE_AGENT_DEBUG_SIGNING'],
  ['git-skip-fetch-existing-commits', 'BUILDKITE_GIT_SKIP_FETCH_EXISTING_COMMITS'],
  ['container-start-timeout', 'BUILDKITE_KUBERNETES_CONTAINER_START_TIMEOUT'],
  ['no-pty', 'BUILDKITE_NO_PTY'],
] as const

const held = [
  ['no-command-eval', 'BUILDKITE_NO_COMMAND_EVAL'],
  ['no-local-hooks', 'BUILDKITE_NO_LOCAL_HOOKS'],
  ['no-plugins', 'BUILDKITE_NO_PLUGINS'],
] as const

type PlainKey = (typeof changeable)[number][0] | (typeof held)[number][0]

function variables(
  config: AgentConfig,
  table: readonly (readonly [PlainKey, string])[],
): V1EnvVar[] {
  return table.flatMap(([key, name]) => {
    const value = config[key]
    return value === undefined ? [] : [exactly(name, String(value))]
  })
}

function hooksEnv(config: AgentConfig): V1EnvVar[] {
  const more = [
    ...(config['additional-hooks-paths'] ?? []),
    ...(config['additional-hooks'] ?? []).map(({ path }) => path),
  ]
  const own = config['hooks-path'] !== undefined || config.hooksVolume !== undefined
  const validation = config['plugin-validation']
  return [
    ...(own ? [exactly('BUILDKITE_HOOKS_PATH', config['hooks-path'] ?? usualHooksPath)] : []),
    ...(more.length === 0 ? [] : [exactly('BUILDKITE_ADDITIONAL_HOOKS_PATHS', more.join(','))]),
    ...(validation === undefined
      ? []
      : [exactly('BUILDKITE_NO_PLUGIN_VALIDATION', String(!validation))]),
  ]
}

function signingEnv(config: AgentConfig): V1EnvVar[] {
  const id = config['signing-jwks-key-id']
  const signs = config.signingJWKSVolume !== undefined || config['signing-jwks-file'] !== undefined
  return [
    ...(signs ? [exactly('BUILDKITE_AGENT_SIGNING_JWKS_FILE', signingKey(config).file)] : []),
    ...(id === undefined ? [] : [exactly('BUILDKITE_AGENT_SIGNING_JWKS_KEY_ID', id)]),
  ]
}

const failureBehaviorName = 'BUILDKITE_AGENT_JOB_VERIFICATION_NO_SIGNATURE_BEHAVIOR'

function verificationEnv(config: AgentConfig): V1EnvVar[] {
  const behavior = failureBehavior(config)
  const { file } = verificationKey(config)
  return [
    ...(verifies(config) ? [exactly('BUILDKITE_AGENT_VERIFICATION_JWKS_FILE', file)] : []),
    ...(behavior === undefined ? [] : [exactly(failureBehaviorName, behavior)]),
  ]
}

/** What becomes of a job that fails the check, when the operator has a say in it: by the word for it, or by a key. */
function failureBehavior(config: AgentConfig): string | undefined {
  return config['verification-failure-behavior'] ?? (verifies(config) ? 'block' : undefined)
}

/** A key file: a bare name lies in our folder for it; of a whole path, the folder is where its volume is mounted. */
interface KeyFile {
  file: string
  folder: string
}

function signingKey(config: AgentConfig): KeyFile {
  return keyFile(config['signing-jwks-file'], '/buildkite/signing-jwks')
}

function verificationKey(config: AgentConfig): KeyFile {
  return keyFile(config['verification-jwks-file'], '/buildkite/verification-jwks')
}

function keyFile(name = 'key', usualFolder: string): KeyFile {
  if (!name.startsWith('/')) return { file: `${usualFolder}/${name}`, folder: usualFolder }
  const folder = name.slice(0, name.lastIndexOf('/'))
  return { file: name, folder: folder === '' ? '/' : folder }
}

function mount(wanted: boolean, volume: V1Volume | undefined, mountPath: string): V1VolumeMount[] {
  return wanted && volume !== undefined ? [{ name: volume.name, mountPath }] : []
}

function readOnly(mounts: V1VolumeMount[]): V1VolumeMount[] {
  return mounts.map(one => ({ ...one, readOnly: true }))
}
