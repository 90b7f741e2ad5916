/** A kind that the embedded API keeps. */
export interface ResourceType {
  group: string
  version: string
  kind: string
  namespaced: boolean
  /** The field selectors that it understands, beside `metadata.name` and `metadata.namespace`. */
  fields: readonly string[]
  /** A PUT where there is none makes one. */
  createdByPut?: boolean
  /** A PUT must name the resourceVersion that it replaces. */
  versionNeeded?: boolean
}

const core = { group: '', version: 'v1', namespaced: true, fields: [] as readonly string[] }

/** The kinds, by the word that stands for them in a path. */
export const resources = {
  namespaces: { ...core, kind: 'Namespace', namespaced: false },
  nodes: { ...core, kind: 'Node', namespaced: false },
  secrets: { ...core, kind: 'Secret', fields: ['type'] },
  configmaps: { ...core, kind: 'ConfigMap' },
  services: { ...core, kind: 'Service' },
  pods: { ...core, kind: 'Pod', fields: ['status.phase', 'spec.nodeName'] },
  podtemplates: { ...core, kind: 'PodTemplate' },
  persistentvolumeclaims: { ...core, kind: 'PersistentVolumeClaim' },
  events: {
    ...core,
    kind: 'Event',
    fields: ['involvedObject.kind', 'involvedObject.name', 'involvedObject.uid', 'reason', 'type'],
  },
  jobs: { group: 'batch', version: 'v1', kind: 'Job', namespaced: true, fields: [] },
  endpointslices: {
    group: 'discovery.k8s.io',
    version: 'v1',
    kind: 'EndpointSlice',
    namespaced: true,
    fields: [],
  },
  leases: {
    group: 'coordination.k8s.io',
    version: 'v1',
    kind: 'Lease',
    namespaced: true,
    fields: [],
    createdByPut: true,
    versionNeeded: true,
  },
} as const satisfies Record<string, ResourceType>

/** The word that stands for a kind in a path. */
export type ResourceName = keyof typeof resources

/** Whether this is a word that stands for a kind. */
export function isResourceName(word: string): word is ResourceName {
  return Object.hasOwn(resources, word)
}

/** The kind as error messages name it: `jobs.batch`, `secrets`. */
export function qualifiedName(resource: ResourceName): string {
  const { group } = resources[resource]
  return group === '' ? resource : `${resource}.${group}`
}

/** The `apiVersion` of the kind's objects: `v1`, `batch/v1`. */
export function apiVersion(resource: ResourceName): string {
  const { group, version } = resources[resource]
  return group === '' ? version : `${group}/${version}`
}
