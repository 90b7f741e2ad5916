import type { V1Container, V1PodSpec } from '@kubernetes/client-node'
import type { ImageCheck, PodSettings, PullPolicy } from '../given/settings.js'
import { tiniBinary, workspaceMount } from './volumes.js'

/** The containers of a pod, and those that pull their images before any of them starts. */
export interface CheckedImages {
  checks: V1Container[]
  containers: V1Container[]
}

/**
 * An init container for each image that none before it has pulled: a bad name ends the job before anything ran. It
 * pulls as the strictest of the containers with that image would, which need not pull it again.
 */
export function imageChecks(
  containers: readonly V1Container[],
  spec: V1PodSpec,
  settings: PodSettings,
): CheckedImages {
  const { imageCheck } = settings
  if (imageCheck === undefined) return { checks: [], containers: [...containers] }
  // A container without an image, as a patch may leave it, is the API server's to refuse.
  const names = containers.flatMap(({ image }) => (image === undefined ? [] : [image]))
  const images = [...new Set(names)].map(image => ({
    image,
    policy: strictest(
      containers.filter(one => one.image === image),
      settings,
      imageCheck,
    ),
    like: containers.find(one => one.image === image),
  }))
  const checks = images.filter(one => !pulledBefore(one, spec, settings))
  const fresh = new Set(
    checks.filter(({ policy }) => policy === 'Always').map(({ image }) => image),
  )
  return {
    checks: checks.map(({ image, policy, like }, index) => ({
      name: `imagecheck-${index}`,
      image,
      imagePullPolicy: policy,
      command: [tiniBinary],
      args: ['--version'],
      resources: { requests: { cpu: '100m', memory: '64Mi' }, limits: { ...imageCheck.limits } },
      ...(like?.securityContext === undefined ? {} : { securityContext: like.securityContext }),
      volumeMounts: [workspaceMount(settings)],
    })),
    containers: containers.map(one => (fresh.has(one.image ?? '') ? pulled(one) : one)),
  }
}

const strictness: readonly PullPolicy[] = ['Never', 'IfNotPresent', 'Always']

function strictest(
  containers: readonly V1Container[],
  settings: PodSettings,
  { pullPolicy }: ImageCheck,
): PullPolicy {
  // A container's own policy counts; the operator's usual one is replaced by the one for checks.
  const usual = settings.imagePullPolicy
  const policies = containers.map(({ image = '', imagePullPolicy = usual }) =>
    policyOf(imagePullPolicy === usual ? (pullPolicy ?? usual) : imagePullPolicy, image),
  )
  return policies.reduce((one, other) =>
    strictness.indexOf(other) > strictness.indexOf(one) ? other : one,
  )
}

/** A policy, or the one that Kubernetes gives an image without one: Always for `latest`. */
function policyOf(given: string | undefined, image: string): PullPolicy {
  const known = strictness.find(policy => policy === given)
  if (known !== undefined) return known
  const name = image.slice(image.lastIndexOf('/') + 1)
  return name.includes('@') || (name.includes(':') && !name.endsWith(':latest'))
    ? 'IfNotPresent'
    : 'Always'
}

function pulledBefore(
  { image, policy }: { image: string; policy: PullPolicy },
  { initContainers = [] }: V1PodSpec,
  settings: PodSettings,
): boolean {
  return initContainers.some(
    one =>
      one.image === image &&
      strictness.indexOf(policyOf(one.imagePullPolicy ?? settings.imagePullPolicy, image)) >=
        strictness.indexOf(policy),
  )
}

function pulled(container: V1Container): V1Container {
  const always = policyOf(container.imagePullPolicy, container.image ?? '') === 'Always'
  return always ? { ...container, imagePullPolicy: 'IfNotPresent' } : container
}
