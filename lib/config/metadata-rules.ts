import { isLabelValue, isMetadataKey } from '../kubernetes-names.js'
import type { Fault, Path } from './fault.js'
import { keysOf } from './values.js'

const mostAnnotationBytes = 256 * 1024

/** What is wrong with the operator's `default-metadata`: keys and values that Kubernetes refuses, or that are ours. */
export function metadataFaults(metadata: unknown): Fault[] {
  const { labels, annotations } = keysOf(metadata)
  return [
    ...labelFaults(labels, ['default-metadata', 'labels']),
    ...reservedFaults(labels, ['default-metadata', 'labels']),
    ...annotationFaults(annotations, ['default-metadata', 'annotations']),
    ...reservedFaults(annotations, ['default-metadata', 'annotations']),
  ]
}

/** What is wrong with labels as Kubernetes has them, of a pod or of nodes. */
export function labelFaults(labels: unknown, path: Path): Fault[] {
  return Object.entries(keysOf(labels)).flatMap(([key, value]) => {
    if (!isMetadataKey(key)) return [badKey([...path, key], key)]
    return typeof value === 'string' && !isLabelValue(value)
      ? [badValue([...path, key], value)]
      : []
  })
}

function annotationFaults(annotations: unknown, path: Path): Fault[] {
  const entries = Object.entries(keysOf(annotations))
  const bytes = Buffer.byteLength(entries.flat().join(''))
  const large: Fault[] =
    bytes <= mostAnnotationBytes
      ? []
      : [{ path, wanted: 'annotations of 262144 bytes at most', found: `${bytes} bytes` }]
  const bad = entries.filter(([key]) => !isMetadataKey(key.toLowerCase()))
  return [...bad.map(([key]) => badKey([...path, key], key)), ...large]
}

function reservedFaults(keys: unknown, path: Path): Fault[] {
  return Object.keys(keysOf(keys))
    .filter(isReserved)
    .map(key => ({
      path: [...path, key],
      wanted: 'a key that neither the job spawner nor Kubernetes sets itself',
      found: `the key ${JSON.stringify(key)}`,
      hint: 'choose another key',
    }))
}

/** Whether a label or annotation is set by us, or by Kubernetes on every Job. */
export function isReserved(key: string): boolean {
  const reserved = ['app.kubernetes.io/managed-by', 'controller-uid', 'job-name']
  return (
    /^((tag\.)?buildkite\.com|job-spawner|batch\.kubernetes\.io)\//.test(key) ||
    reserved.includes(key)
  )
}

function badKey(path: Path, key: string): Fault {
  return {
    path,
    wanted: 'a key as Kubernetes has it: NAME or DOMAIN/NAME, letters, digits, ".", "_" and "-"',
    found: `the key ${JSON.stringify(key)}`,
    hint: 'the name has 63 characters at most, and a letter or digit at both ends',
  }
}

function badValue(path: Path, value: string): Fault {
  return {
    path,
    wanted: 'a label value: letters, digits, ".", "_" and "-", 63 at most',
    found: `a text of ${value.length} characters that is none`,
    hint: 'put a letter or digit at both ends, or make it an annotation',
  }
}
