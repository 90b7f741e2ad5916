// Generated from schemas/kubernetes-plugin.json by `npm run generate`. Do not edit.

/**
 * The body of the kubernetes plugin in a step. Only the shape that we rely on is checked: the API server judges the rest of each Kubernetes object.
 */
export interface KubernetesPluginShape {
  /**
   * The PodSpec that the pod starts from; its containers become the command containers.
   */
  podSpec?: {
    containers?: Container[]
    initContainers?: (Container & {
      name: string
      image: string
    })[]
    volumes?: {
      name: string
    }[]
    terminationGracePeriodSeconds?: number
  }
  /**
   * How the repository is checked out.
   */
  checkout?: {
    /**
     * Whether the pod has no checkout container.
     */
    skip?: boolean
  }
  /**
   * Containers that start before the commands and run until they are over.
   */
  sidecars?: (Container & {
    image: string
  })[]
  /**
   * Sources of environment variables for checkout, command and sidecar containers.
   */
  gitEnvFrom?: {}[]
  /**
   * Mounts for the agent, checkout, command and sidecar containers.
   */
  extraVolumeMounts?: VolumeMount[]
  /**
   * Labels and annotations for the Job and its pod.
   */
  metadata?: {
    labels?: {
      [k: string]: string
    }
    annotations?: {
      [k: string]: string
    }
  }
}
export interface Container {
  name?: string
  image?: string
  imagePullPolicy?: 'Always' | 'IfNotPresent' | 'Never'
  command?: string[]
  args?: string[]
  env?: {
    name: string
    value?: string
  }[]
  envFrom?: {}[]
  volumeMounts?: VolumeMount[]
}
export interface VolumeMount {
  name: string
  mountPath: string
}
