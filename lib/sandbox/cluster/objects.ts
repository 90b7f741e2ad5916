/** The metadata of a stored object, as it is in JSON: times are RFC 3339 strings. */
export interface Metadata {
  name: string
  namespace?: string
  generateName?: string
  uid: string
  resourceVersion: string
  creationTimestamp: string
  deletionTimestamp?: string
  deletionGracePeriodSeconds?: number
  labels?: Record<string, string>
  annotations?: Record<string, string>
  ownerReferences?: OwnerReference[]
}

/** The object that another one belongs to, and dies with. */
export interface OwnerReference {
  apiVersion: string
  kind: string
  name: string
  uid: string
  controller?: boolean
  blockOwnerDeletion?: boolean
}

/** Any object of the embedded API. Stored objects are never changed, only replaced. */
export interface StoredObject {
  apiVersion: string
  kind: string
  metadata: Metadata
  [field: string]: unknown
}

/** One condition of a Job or a pod. */
export interface Condition {
  type: string
  status: 'True' | 'False'
  reason?: string
  message?: string
  lastTransitionTime?: string
}

/** The parts of a Job that the Job controller reads and writes. */
export interface JobObject extends StoredObject {
  spec: {
    backoffLimit?: number
    ttlSecondsAfterFinished?: number
    activeDeadlineSeconds?: number
    template: { metadata?: Partial<Metadata>; spec: PodSpec }
  }
  status?: JobStatus
}

/** The status of a Job. */
export interface JobStatus {
  active?: number
  ready?: number
  terminating?: number
  succeeded?: number
  failed?: number
  startTime?: string
  completionTime?: string
  conditions?: Condition[]
}

/** The parts of a pod that the kubelet reads and writes. */
export interface PodObject extends StoredObject {
  spec: PodSpec
  status?: PodStatus
}

/** The parts of a pod's spec that count here. */
export interface PodSpec {
  nodeName?: string
  nodeSelector?: Record<string, string>
  serviceAccountName?: string
  terminationGracePeriodSeconds?: number
  restartPolicy?: string
  initContainers?: Container[]
  containers: Container[]
  volumes?: ProjectedVolume[]
}

/** A volume: what is in it counts only where tokens are projected. */
export interface ProjectedVolume {
  name: string
  projected?: {
    sources?: {
      serviceAccountToken?: { audience?: string; expirationSeconds?: number; path: string }
    }[]
  }
}

/** One container of a pod's spec. */
export interface Container {
  name: string
  image: string
  restartPolicy?: string
  env?: EnvVar[]
  envFrom?: EnvFrom[]
  volumeMounts?: { name: string; mountPath: string }[]
}

/** One variable of a container: a value, or where the value comes from. */
export interface EnvVar {
  name: string
  value?: string
  valueFrom?: {
    fieldRef?: { fieldPath: string }
    secretKeyRef?: { name: string; key: string; optional?: boolean }
    configMapKeyRef?: { name: string; key: string; optional?: boolean }
  }
}

/** All keys of a Secret or ConfigMap as variables. */
export interface EnvFrom {
  prefix?: string
  secretRef?: { name: string; optional?: boolean }
  configMapRef?: { name: string; optional?: boolean }
}

/** What a container does now. */
export type ContainerState =
  | { waiting: { reason: string; message?: string } }
  | { running: { startedAt: string } }
  | {
      terminated: {
        exitCode: number
        reason: string
        startedAt?: string
        finishedAt: string
      }
    }

/** The status of a pod. */
export interface PodStatus {
  phase: 'Pending' | 'Running' | 'Succeeded' | 'Failed'
  conditions?: Condition[]
  hostIP?: string
  hostIPs?: { ip: string }[]
  podIP?: string
  podIPs?: { ip: string }[]
  startTime?: string
  reason?: string
  message?: string
  initContainerStatuses?: ContainerStatus[]
  containerStatuses?: ContainerStatus[]
}

/** The status of one container. */
export interface ContainerStatus {
  name: string
  image: string
  imageID: string
  ready: boolean
  started: boolean
  restartCount: number
  state: ContainerState
  lastState: object
}

/** A time as Kubernetes writes it: whole seconds, UTC. */
export function timestamp(milliseconds: number): string {
  return `${new Date(milliseconds).toISOString().slice(0, 19)}Z`
}
