import { structuredPatch, type StructuredPatchHunk } from 'diff'
import { Document, visit } from 'yaml'
import type { Layer } from '../../pod/layers.js'
import { linePaths } from './line-paths.js'

/** How the parts of a diff are painted. */
export interface Paint {
  header: (text: string) => string
  place: (text: string) => string
  added: (text: string) => string
  removed: (text: string) => string
}

const code = (start: string) => (text: string) => `\u001b[${start}m${text}\u001b[0m`
const same = (text: string) => text

/** With the colours of git, or with none. */
export function paint(colours: boolean): Paint {
  return colours
    ? { header: code('1'), place: code('36'), added: code('32'), removed: code('31') }
    : { header: same, place: same, added: same, removed: same }
}

/** What each layer changes of what is below it, as `git diff` shows it; empty when there is one layer only. */
export function layersDiff(layers: readonly Layer[], colours: Paint): string {
  const texts = layers.map(({ name, job }) => ({ name, text: manifestYaml(job) }))
  return texts
    .slice(1)
    .map((upper, index) => pairDiff(texts[index] ?? upper, upper, colours))
    .join('')
}

/** A Job as YAML: no aliases, no broken lines, and no text that kubectl or Helm (YAML 1.1) would read as another. */
export function manifestYaml(value: unknown): string {
  const document = new Document(value, { aliasDuplicateObjects: false, compat: 'yaml-1.1' })
  visit(document, {
    Scalar: (_key, node) => {
      if (String(node.value).includes(nextLine)) node.type = 'QUOTE_DOUBLE'
    },
  })
  return document.toString({ lineWidth: 0 }).replaceAll(nextLine, String.raw`\N`)
}

// A line break to a reader of YAML 1.1.
const nextLine = '\u0085'

interface Text {
  name: string
  text: string
}

function pairDiff(lower: Text, upper: Text, colours: Paint): string {
  const patch = structuredPatch(lower.name, upper.name, lower.text, upper.text, '', '', {
    context: 3,
  })
  if (patch.hunks.length === 0) return ''
  const paths = { lower: linePaths(lower.text), upper: linePaths(upper.text) }
  const header = [
    `diff --layers ${lower.name} → ${upper.name}`,
    `--- ${lower.name}`,
    `+++ ${upper.name}`,
  ]
  const hunks = patch.hunks.flatMap(hunk => hunkLines(hunk, paths, colours))
  return [...header.map(colours.header), ...hunks, ''].join('\n')
}

interface Paths {
  lower: readonly string[]
  upper: readonly string[]
}

function hunkLines(hunk: StructuredPatchHunk, paths: Paths, colours: Paint): string[] {
  const { oldStart, oldLines, newStart, newLines } = hunk
  const range = `@@ -${span(oldStart, oldLines)} +${span(newStart, newLines)} @@`
  const lines = hunk.lines
    .filter(line => !line.startsWith('\\'))
    .map(line => {
      if (line.startsWith('+')) return colours.added(line)
      return line.startsWith('-') ? colours.removed(line) : line
    })
  const section = sectionOf(hunk, paths)
  return [`${colours.place(range)}${section === '' ? '' : ` ${section}`}`, ...lines]
}

function span(start: number, count: number): string {
  return count === 1 ? String(start) : `${start},${count}`
}

/** Where in the manifest the first changed line stands. */
function sectionOf({ lines, oldStart, newStart }: StructuredPatchHunk, paths: Paths): string {
  const first = lines.findIndex(line => /^[+-]/.test(line))
  // All lines before the first change are in both texts.
  return lines[first]?.startsWith('-')
    ? (paths.lower[oldStart - 1 + first] ?? '')
    : (paths.upper[newStart - 1 + first] ?? '')
}
