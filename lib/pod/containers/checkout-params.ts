import type { V1EnvVar, V1Volume, V1VolumeMount } from '@kubernetes/client-node'
import type { CheckoutParams } from '../../types/checkout-params.js'
import { exactly } from './env.js'
import type { JobInputs } from '../given/inputs.js'
import type { PodSettings } from '../given/settings.js'

/**
 * How the repository is checked out: field by field as the step has it, else as the operator does. Sources of
 * variables and mounts add up.
 */
export function checkoutParams({ plugin }: JobInputs, settings: PodSettings): CheckoutParams {
  const [usual, own] = [settings.defaultCheckoutParams ?? {}, plugin.checkout ?? {}]
  const gitMirrors = { ...usual.gitMirrors, ...own.gitMirrors }
  const envFrom = [...(usual.envFrom ?? []), ...(own.envFrom ?? [])]
  const extraVolumeMounts = [...(usual.extraVolumeMounts ?? []), ...(own.extraVolumeMounts ?? [])]
  return { ...usual, ...own, gitMirrors, envFrom, extraVolumeMounts }
}

/** The variables by which the agent container is told: it hands them to the checkout. */
export function checkoutEnv(params: CheckoutParams): V1EnvVar[] {
  const { gitMirrors = {} } = params
  const values: [string, string | number | boolean | undefined][] = [
    ['BUILDKITE_GIT_CHECKOUT_FLAGS', params.checkoutFlags],
    ['BUILDKITE_GIT_CLEAN_FLAGS', params.cleanFlags],
    ['BUILDKITE_GIT_CLONE_FLAGS', params.cloneFlags],
    ['BUILDKITE_GIT_FETCH_FLAGS', params.fetchFlags],
    ['BUILDKITE_NO_GIT_SUBMODULES', params.noSubmodules],
    ['BUILDKITE_GIT_SUBMODULE_CLONE_CONFIG', params.submoduleCloneConfig?.join(',')],
    ['BUILDKITE_GIT_MIRRORS_PATH', mirrorsPath(params)],
    ['BUILDKITE_GIT_CLONE_MIRROR_FLAGS', gitMirrors.cloneFlags],
    ['BUILDKITE_GIT_MIRRORS_LOCK_TIMEOUT', gitMirrors.lockTimeout],
    ['BUILDKITE_GIT_MIRRORS_SKIP_UPDATE', gitMirrors.skipUpdate],
  ]
  return values.flatMap(([name, value]) =>
    value === undefined ? [] : [exactly(name, String(value))],
  )
}

/** The checkout container's own variables: where git finds credentials. */
export function gitEnv({ gitCredentialsSecret }: CheckoutParams): V1EnvVar[] {
  if (gitCredentialsSecret === undefined) return []
  return [
    exactly('GIT_CONFIG_COUNT', '1'),
    exactly('GIT_CONFIG_KEY_0', 'credential.helper'),
    exactly('GIT_CONFIG_VALUE_0', credentialHelper),
  ]
}

/** The volumes that only the checkout needs. */
export function checkoutVolumes(params: CheckoutParams): V1Volume[] {
  const { skip, gitCredentialsSecret, gitMirrors } = params
  if (skip === true) return []
  const credentials = gitCredentialsSecret && {
    name: credentialsName,
    secret: gitCredentialsSecret,
  }
  return [credentials, gitMirrors?.volume].filter(volume => volume !== undefined)
}

/** Their mounts in the checkout container. */
export function checkoutMounts(params: CheckoutParams): V1VolumeMount[] {
  const { gitCredentialsSecret, gitMirrors } = params
  const credentials = { name: credentialsName, mountPath: credentialsFolder, readOnly: true }
  const mirrors = gitMirrors?.volume && {
    name: gitMirrors.volume.name,
    mountPath: mirrorsPath(params) ?? usualMirrorsPath,
  }
  return [gitCredentialsSecret && credentials, mirrors].filter(mount => mount !== undefined)
}

const usualMirrorsPath = '/buildkite/git-mirrors'

function mirrorsPath({ gitMirrors }: CheckoutParams): string | undefined {
  return gitMirrors?.path ?? (gitMirrors?.volume && usualMirrorsPath)
}

const credentialsName = 'git-credentials'
const credentialsFolder = '/buildkite/git-credentials'

// Git's own store, but for reading only: after each use git would have it written, and a Secret can't be.
const credentialHelper = `!f() { if [ "$1" = get ]; then git credential-store --file=${credentialsFolder}/.git-credentials get; fi; }; f`
