// Generated from schemas/agent-config.json by `npm run generate`. Do not edit.
import type {V1Volume} from '@kubernetes/client-node'

/**
 * How the agent in each pod is set up: the operator's `agent-config`, with the keys of agent-stack-k8s.
 */
export interface AgentConfig {
  /**
   * BUILDKITE_AGENT_EXPERIMENT: experiments to enable.
   */
  experiment?: string[]
  /**
   * BUILDKITE_SHELL: the shell that runs commands; /bin/sh -ec by default.
   */
  shell?: string
  /**
   * BUILDKITE_AGENT_NO_COLOR
   */
  'no-color'?: boolean
  /**
   * BUILDKITE_STRICT_SINGLE_HOOKS
   */
  'strict-single-hooks'?: boolean
  /**
   * BUILDKITE_NO_MULTIPART_ARTIFACT_UPLOAD
   */
  'no-multipart-artifact-upload'?: boolean
  /**
   * BUILDKITE_TRACE_CONTEXT_ENCODING
   */
  'trace-context-encoding'?: string
  /**
   * BUILDKITE_TRACING_BACKEND
   */
  'tracing-backend'?: string
  /**
   * BUILDKITE_TRACING_SERVICE_NAME
   */
  'tracing-service-name'?: string
  /**
   * BUILDKITE_TRACING_PROPAGATE_TRACEPARENT
   */
  'tracing-propagate-traceparent'?: boolean
  /**
   * BUILDKITE_AGENT_DISABLE_WARNINGS_FOR: warnings to leave out.
   */
  'disable-warnings-for'?: string[]
  /**
   * BUILDKITE_AGENT_DEBUG_SIGNING: prints what is signed, secrets and all.
   */
  'debug-signing'?: boolean
  /**
   * BUILDKITE_GIT_SKIP_FETCH_EXISTING_COMMITS
   */
  'git-skip-fetch-existing-commits'?: boolean
  /**
   * BUILDKITE_KUBERNETES_CONTAINER_START_TIMEOUT: how long the agent waits for the other containers, such as 5m.
   */
  'container-start-timeout'?: string
  /**
   * BUILDKITE_NO_PTY
   */
  'no-pty'?: boolean
  /**
   * BUILDKITE_NO_COMMAND_EVAL
   */
  'no-command-eval'?: boolean
  /**
   * BUILDKITE_NO_LOCAL_HOOKS
   */
  'no-local-hooks'?: boolean
  /**
   * BUILDKITE_NO_PLUGINS
   */
  'no-plugins'?: boolean
  /**
   * BUILDKITE_NO_PLUGIN_VALIDATION, negated
   */
  'plugin-validation'?: boolean
  /**
   * BUILDKITE_HOOKS_PATH; /workspace/hooks by default.
   */
  'hooks-path'?: string
  hooksVolume?: V1Volume
  /**
   * BUILDKITE_ADDITIONAL_HOOKS_PATHS: folders of hooks in the images.
   */
  'additional-hooks-paths'?: string[]
  /**
   * Folders of hooks on volumes.
   */
  'additional-hooks'?: {
    /**
     * Where the volume is mounted.
     */
    path: string
    volume: V1Volume
  }[]
  /**
   * BUILDKITE_PLUGINS_PATH; /workspace/plugins by default.
   */
  'plugins-path'?: string
  pluginsVolume?: V1Volume
  /**
   * BUILDKITE_AGENT_SIGNING_JWKS_FILE: a name in the volume, or a whole path; `key` by default.
   */
  'signing-jwks-file'?: string
  /**
   * BUILDKITE_AGENT_SIGNING_JWKS_KEY_ID
   */
  'signing-jwks-key-id'?: string
  signingJWKSVolume?: V1Volume
  /**
   * BUILDKITE_AGENT_VERIFICATION_JWKS_FILE: a name in the volume, or a whole path; `key` by default.
   */
  'verification-jwks-file'?: string
  verificationJWKSVolume?: V1Volume
  /**
   * BUILDKITE_AGENT_JOB_VERIFICATION_NO_SIGNATURE_BEHAVIOR: what becomes of a job without a valid signature; block by default, when there is a key to verify with.
   */
  'verification-failure-behavior'?: 'block' | 'warn'
}
