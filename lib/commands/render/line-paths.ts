import { isMap, isScalar, isSeq, LineCounter, parseDocument, type Node, type Pair } from 'yaml'

/**
 * For each line of a manifest (from 0), where in the manifest it stands: the map or list that what begins in the line
 * is a part of, as people write it. Items of lists are named by what names them: `spec.containers[agent].env`.
 */
export function linePaths(text: string): string[] {
  const counter = new LineCounter()
  const document = parseDocument(text, { lineCounter: counter })
  const paths: string[] = []
  const lineOf = (node: Node) => counter.linePos(node.range?.[0] ?? 0).line - 1
  const mark = (node: Node, path: string) => {
    // What is nearest to the top is first to come.
    paths[lineOf(node)] ??= path
  }
  walk(document.contents, '', mark)
  for (let line = 1; line < text.split('\n').length; line++) paths[line] ??= paths[line - 1] ?? ''
  return paths
}

function walk(node: unknown, path: string, mark: (node: Node, path: string) => void): void {
  if (isMap(node)) {
    for (const { key, value } of node.items as Pair<Node, Node | null>[]) {
      mark(key, path)
      walk(value, joined(path, isScalar(key) ? String(key.value) : ''), mark)
    }
  }
  if (isSeq(node)) {
    for (const [index, item] of (node.items as Node[]).entries()) {
      mark(item, path)
      walk(item, `${path}[${nameOfItem(item) ?? index}]`, mark)
    }
  }
}

function joined(path: string, key: string): string {
  if (!/^[\w-]+$/.test(key)) return `${path}[${key}]`
  return path === '' ? key : `${path}.${key}`
}

function nameOfItem(item: Node): string | undefined {
  if (!isMap(item)) return undefined
  const [name] = ['name', 'mountPath', 'key'].flatMap(key => {
    const value = item.get(key)
    return typeof value === 'string' ? [value] : []
  })
  return name
}
