// Generated from schemas/checkout-params.json by `npm run generate`. Do not edit.
import type {V1Volume} from '@kubernetes/client-node'
import type {V1SecretVolumeSource} from '@kubernetes/client-node'
import type {V1EnvFromSource} from '@kubernetes/client-node'
import type {V1VolumeMount} from '@kubernetes/client-node'

/**
 * How a repository is checked out: the plugin's `checkout`, and the operator's `default-checkout-params`.
 */
export interface CheckoutParams {
  /**
   * Whether the pod has no checkout container.
   */
  skip?: boolean
  /**
   * BUILDKITE_GIT_CHECKOUT_FLAGS: flags of `git checkout`.
   */
  checkoutFlags?: string
  /**
   * BUILDKITE_GIT_CLEAN_FLAGS: flags of `git clean`.
   */
  cleanFlags?: string
  /**
   * BUILDKITE_GIT_CLONE_FLAGS: flags of `git clone`.
   */
  cloneFlags?: string
  /**
   * BUILDKITE_GIT_FETCH_FLAGS: flags of `git fetch`.
   */
  fetchFlags?: string
  /**
   * BUILDKITE_NO_GIT_SUBMODULES: whether submodules are left out.
   */
  noSubmodules?: boolean
  /**
   * BUILDKITE_GIT_SUBMODULE_CLONE_CONFIG: settings (key=value) of git for cloning submodules.
   */
  submoduleCloneConfig?: string[]
  /**
   * A mirror of repositories on a volume, so that clones are quick.
   */
  gitMirrors?: {
    /**
     * Where the mirrors are in the checkout container.
     */
    path?: string
    volume?: V1Volume
    /**
     * BUILDKITE_GIT_CLONE_MIRROR_FLAGS: flags of the mirror's `git clone`.
     */
    cloneFlags?: string
    /**
     * BUILDKITE_GIT_MIRRORS_LOCK_TIMEOUT: seconds that a job waits for the mirror's lock.
     */
    lockTimeout?: number
    /**
     * BUILDKITE_GIT_MIRRORS_SKIP_UPDATE: whether the mirror is used as it is.
     */
    skipUpdate?: boolean
  }
  gitCredentialsSecret?: V1SecretVolumeSource
  /**
   * Sources of environment variables for the checkout container alone.
   */
  envFrom?: V1EnvFromSource[]
  /**
   * Mounts for the checkout container alone.
   */
  extraVolumeMounts?: V1VolumeMount[]
}
