import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import type { Mount } from '../pod-agent/input.js'
import type { Container, PodObject, ProjectedVolume } from './objects.js'
import type { TokenTerms } from './pod-tokens.js'

// What Kubernetes makes of a source that says nothing of them.
const usualLifetimeSeconds = 3600
const usualAudience = 'https://kubernetes.default.svc'

/**
 * Puts the service account tokens of a pod's projected volumes into files below its folder, once: a pod here is not
 * around for so long that a token would have to be renewed.
 */
export function writeTokenFiles(
  pod: PodObject,
  root: string,
  issue: (terms: TokenTerms) => string,
): void {
  for (const volume of pod.spec.volumes ?? []) {
    for (const source of tokenSources(volume)) {
      const { audience = usualAudience, expirationSeconds = usualLifetimeSeconds, path } = source
      // The path is someone else's word: it must not lead out of the volume.
      const file = join(folderOf(root, volume.name), normalize(`/${path}`))
      mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
      const token = issue({ audience, lifetimeSeconds: expirationSeconds })
      writeFileSync(file, token, { mode: 0o600 })
    }
  }
}

/** Where a container sees those files. */
export function tokenMounts(pod: PodObject, container: Container, root: string): Mount[] {
  const volumes = (pod.spec.volumes ?? []).filter(volume => tokenSources(volume).length > 0)
  const names = new Set(volumes.map(({ name }) => name))
  return (container.volumeMounts ?? [])
    .filter(({ name }) => names.has(name))
    .map(({ name, mountPath }) => ({ path: mountPath, folder: folderOf(root, name) }))
}

function tokenSources(volume: ProjectedVolume) {
  return (volume.projected?.sources ?? []).flatMap(({ serviceAccountToken }) =>
    serviceAccountToken ? [serviceAccountToken] : [],
  )
}

function folderOf(root: string, volume: string): string {
  return join(root, 'projected', volume)
}
