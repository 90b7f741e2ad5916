// Generated from schemas/pod-metadata.json by `npm run generate`. Do not edit.

/**
 * Labels and annotations for the Job and its pod: the plugin's `metadata`, and the operator's `default-metadata`.
 */
export interface PodMetadata {
  labels?: {
    [k: string]: string
  }
  annotations?: {
    [k: string]: string
  }
}
