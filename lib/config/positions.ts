import { isAlias, isMap, isScalar, isSeq, type Document } from 'yaml'
import type { Path } from './fault.js'

/**
 * Where in a YAML text what a path names begins: a key, or an item of a list, as an offset in characters. Of a path
 * that ends before its last part (a missing key) it is the place of the last part that is there.
 */
export function offsetOf(root: unknown, path: Path, document: Document): number {
  let node = root
  let offset = startOf(root) ?? 0
  for (const part of path) {
    const next = step(resolved(node, document), part, document)
    if (next === undefined) break
    offset = next.offset ?? offset
    node = next.value
  }
  return offset
}

interface Step {
  value: unknown
  offset: number | undefined
}

function step(node: unknown, part: string | number, document: Document): Step | undefined {
  if (isSeq(node)) {
    const value = node.items[Number(part)]
    return value === undefined ? undefined : { value, offset: startOf(value) }
  }
  if (!isMap(node)) return undefined
  const pair = node.items.find(({ key }) => keyName(key) === part)
  if (pair) return { value: pair.value, offset: startOf(pair.key) }
  const merged = node.items.filter(({ key }) => keyName(key) === '<<').map(({ value }) => value)
  return firstStep(merged, part, document)
}

function firstStep(
  nodes: readonly unknown[],
  part: string | number,
  document: Document,
): Step | undefined {
  for (const node of nodes) {
    const one = resolved(node, document)
    const found = isSeq(one) ? firstStep(one.items, part, document) : step(one, part, document)
    if (found) return found
  }
  return undefined
}

/** A mapping's key as text; `<<` for a merge. */
export function keyName(key: unknown): string {
  if (!isScalar(key)) return ''
  return typeof key.value === 'symbol' ? '<<' : String(key.value)
}

// What an alias stands for is blamed where it is written.
function resolved(node: unknown, document: Document): unknown {
  return isAlias(node) ? node.resolve(document) : node
}

function startOf(node: unknown): number | undefined {
  return (node as { range?: [number, ...number[]] | null } | null)?.range?.[0]
}
