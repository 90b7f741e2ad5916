// What Kubernetes takes for names, labels and images: the same for what steps and what operators write.

/** Names of objects, of labels and label values have the same limit. */
export const longestName = 63

/** Whether a text can be the name of a label, without a domain. */
export function isLabelName(text: string): boolean {
  return text.length <= longestName && /^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$/.test(text)
}

/** Whether a text can be the value of a label. */
export function isLabelValue(text: string): boolean {
  return text === '' || isLabelName(text)
}

/** Whether a text can be the key of a label or an annotation. */
export function isMetadataKey(key: string): boolean {
  const [name = '', ...domain] = key.split('/').toReversed()
  if (!isLabelName(name) || domain.length > 1) return false
  return domain.every(
    one =>
      one.length <= 253 &&
      /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/.test(one),
  )
}

/** Whether a text can be the name of a namespace, a container or a volume (RFC 1123 label). */
export function isDnsLabel(text: string): boolean {
  return text.length <= longestName && /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(text)
}

// A reference to an image, as the OCI distribution project's grammar has it: [host[:port]/]path[:tag][@digest]. Kept
// here and not taken from a library: those that there are take what no registry and no kubelet does.
const label = '[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?'
const port = ':[0-9]+'
// One word alone is no host, but the first part of a path: Team/app is a mistake.
const host = String.raw`(?:(?:localhost|${label}(?:\.${label})+|\[[a-fA-F0-9:]+\])(?:${port})?|${label}${port})`
const part = String.raw`[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*`
const tag = String.raw`[\w][\w.-]{0,127}`
const digest = 'sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128}'
const reference = new RegExp(
  `^(?:${host}/)?(?<path>${part}(?:/${part})*)(?::${tag})?(?:@(?:${digest}))?$`,
)

// Of the path the grammar itself says it; of the whole, what its parts may have and then some.
const longestPath = 255
const longest = 1024

/** Whether a text can be the name of an image. */
export function isImageReference(text: string): boolean {
  if (text.length > longest) return false
  const path = reference.exec(text)?.groups?.['path']
  return path !== undefined && path.length <= longestPath
}
