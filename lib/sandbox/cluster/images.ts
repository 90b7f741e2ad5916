import type { ContainerState } from './objects.js'

const reference =
  /^([a-zA-Z0-9.-]+(:[0-9]+)?\/)?[a-z0-9]+([._-]+[a-z0-9]+)*(\/[a-z0-9]+([._-]+[a-z0-9]+)*)*(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(@sha256:[a-f0-9]{64})?$/

/**
 * Why a container with this image cannot start here, in the kubelet's words. No image is ever pulled: a name under
 * `missing/`, or with `does-not-exist` in it, plays one that cannot be.
 */
export function imageTrouble(image: string): { reason: string; message: string } | undefined {
  if (!reference.test(image)) {
    const message = `Failed to apply default image tag "${image}": couldn't parse image name: invalid reference format`
    return { reason: 'InvalidImageName', message }
  }
  if (!image.startsWith('missing/') && !image.includes('does-not-exist')) return undefined
  const message = `failed to pull and unpack image "${image}": failed to resolve reference: ${image}: not found`
  return { reason: 'ErrImagePull', message }
}

/** The state that follows a failed pull: the kubelet waits before it tries again. */
export function backOff(image: string): ContainerState {
  const message = `Back-off pulling image "${image}"`
  return { waiting: { reason: 'ImagePullBackOff', message } }
}
