import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  type Document,
  type Node,
  type YAMLMap,
} from 'yaml'
import type { Evidence } from '../errors.js'
import { brokenAlias } from './aliases.js'

/** The way to a value in a document: keys of maps, indexes of lists. */
export type Path = readonly (string | number)[]

/** Line and column, both from 1. */
export interface Position {
  line: number
  column: number
}

/** Something in a document that is not as it should be. */
export interface Fault extends Pick<Evidence, 'wanted' | 'found' | 'hint'> {
  path: Path
  /** Where it is when no path says it: what is not YAML has no keys. */
  position?: Position
  message: string
}

/** A value that somebody wrote, and where in the text its parts stand. */
export interface Source {
  /** The file's name, for messages. */
  name: string
  /** Undefined when the text cannot be parsed. */
  value: unknown
  /** Why it cannot be parsed. */
  faults: Fault[]
  /** Where the key or the list's item stands; that of the nearest part around it when it is not there. */
  position(path: Path): Position | undefined
}

/** A text of YAML (or JSON, which is YAML). What cannot be parsed is among the faults; nothing is thrown. */
export function yamlSource(text: string, name: string): Source {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, merge: true, prettyErrors: false })
  const at = (offset: number): Position => {
    const { line, col } = lines.linePos(offset)
    return { line, column: col }
  }
  const position = (path: Path) => at(offsetOf(document, path))
  const faults = document.errors.map(({ pos: [offset], code, message }) => ({
    ...notYaml(code, message),
    // The parser points at the end of what is before the key.
    position: at(code === 'DUPLICATE_KEY' ? offset + lengthOfSpace(text.slice(offset)) : offset),
  }))
  if (faults.length > 0) return { name, value: undefined, faults, position }
  const broken = brokenAlias(document)
  if (broken) {
    const { offset, found, hint } = broken
    const fault = { path: [], message: notYamlMessage, found, hint, position: at(offset) }
    return { name, value: undefined, faults: [fault], position }
  }
  try {
    return { name, value: document.toJS({ maxAliasCount }), faults, position }
  } catch {
    const found = 'aliases of aliases that stand for too much'
    const fault = { path: [], message: notYamlMessage, found, hint: 'write some of them out' }
    return { name, value: undefined, faults: [fault], position }
  }
}

function lengthOfSpace(text: string): number {
  return /^(\s|#.*)*/.exec(text)?.[0].length ?? 0
}

// So many that no pipeline has them, and so few that aliases of aliases of aliases cannot fill the memory.
const maxAliasCount = 10_000

const notYamlMessage = 'this is not YAML'

/** A value that came without a text. */
export function valueSource(value: unknown, name: string): Source {
  return { name, value, faults: [], position: () => undefined }
}

// Of the parser's words only those that quote nothing of the file.
function notYaml(code: string, message: string): Fault {
  const fault = { path: [], message: notYamlMessage }
  if (code === 'MULTIPLE_DOCS') {
    const found = 'the --- of a second document'
    return { ...fault, wanted: 'one document', found, hint: 'write each into a file of its own' }
  }
  const quotes = /["'`]/.test(message)
  return {
    ...fault,
    wanted: 'valid YAML',
    found: code.toLowerCase().replaceAll('_', ' '),
    ...(quotes ? {} : { hint: message.split('\n')[0] ?? '' }),
  }
}

/** The value at a path, if there is one. */
export function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (inner, part) =>
      typeof inner === 'object' && inner !== null && Object.hasOwn(inner, part)
        ? (inner as Record<string | number, unknown>)[part]
        : undefined,
    value,
  )
}

/** The path as people write it: `steps[0].env.NAME`. */
export function pathText(path: Path): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`
    return text === '' ? part : `${text}.${part}`
  }, '')
}

/** The faults in the order of their places. */
export function inOrder(source: Source, faults: readonly Fault[]): Fault[] {
  const placed = faults.map(fault => ({ fault, at: positionOf(source, fault) }))
  const order = (a: Position | undefined, b: Position | undefined) =>
    (a?.line ?? 0) - (b?.line ?? 0) || (a?.column ?? 0) - (b?.column ?? 0)
  return placed.toSorted((one, other) => order(one.at, other.at)).map(({ fault }) => fault)
}

function positionOf(source: Source, { path, position }: Fault): Position | undefined {
  return position ?? source.position(path)
}

/** FILE:LINE:COLUMN of a fault, and its path. */
export function faultPlace(source: Source, fault: Fault): string {
  const { path } = fault
  const at = positionOf(source, fault)
  const place = at ? `${source.name}:${at.line}:${at.column}` : source.name
  return path.length === 0 ? place : `${place}: ${pathText(path)}`
}

function offsetOf(document: Document, path: Path): number {
  let node: unknown = document.contents
  let offset = startOf(node) ?? 0
  for (const part of path) {
    const inner = resolved(node, document)
    const found = isSeq(inner) ? itemOf(inner.items, part) : pairOf(inner, part, document)
    if (found === undefined) return offset
    offset = startOf(found.at) ?? offset
    node = found.node
  }
  return offset
}

interface Found {
  /** What is pointed at. */
  at: unknown
  /** What the rest of the way leads into. */
  node: unknown
}

function itemOf(items: readonly unknown[], part: string | number): Found | undefined {
  const item = items[Number(part)]
  return item === undefined ? undefined : { at: item, node: item }
}

function pairOf(node: unknown, part: string | number, document: Document): Found | undefined {
  if (!isMap(node)) return undefined
  const pairs = node.items
  const own = pairs.find(({ key }) => isScalar(key) && String(key.value) === String(part))
  if (own) return { at: own.key, node: own.value }
  const merged = pairs.filter(({ key }) => isScalar(key) && key.source === '<<')
  for (const map of merged.flatMap(({ value }) => mergedMaps(value, document))) {
    const found = pairOf(map, part, document)
    if (found) return found
  }
  return undefined
}

function mergedMaps(value: unknown, document: Document): YAMLMap[] {
  const node = resolved(value, document)
  const maps = isSeq(node) ? node.items.map(item => resolved(item, document)) : [node]
  return maps.filter(isMap)
}

function resolved(node: unknown, document: Document): unknown {
  return isAlias(node) ? node.resolve(document) : node
}

function startOf(node: unknown): number | undefined {
  return (node as Node | null | undefined)?.range?.[0]
}
