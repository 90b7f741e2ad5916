import { readFileSync } from 'node:fs'
import { isMap, isScalar, LineCounter, parseDocument, type Document } from 'yaml'
import { messageOf, Problem } from '../errors.js'
import { nearest } from '../schemas.js'

/** A raw value, and the place to blame for it: a flag, a variable, or FILE:LINE:COLUMN. */
export interface Sourced {
  value: unknown
  where: string
}

/**
 * The top-level keys of a YAML (or JSON) config file, each with its line and column.
 * @throws Problem CONFIG_FILE when it can't be read or parsed, is no mapping, or has an unknown key.
 */
export function readConfigFile(file: string, known: readonly string[]): Record<string, Sourced> {
  const lines = new LineCounter()
  const document = parse(file, lines)
  if (document.contents === null) return {}
  if (!isMap(document.contents)) {
    throw new Problem('CONFIG_FILE', 'the config file has the wrong shape', {
      where: file,
      wanted: 'a mapping of settings, key: value',
      found: 'something else at its top',
      hint: 'write one setting a line, such as max-in-flight: 10',
    })
  }
  const at = (offset: number | undefined) => {
    const { line, col } = lines.linePos(offset ?? 0)
    return `${file}:${line}:${col}`
  }
  const settings: Record<string, Sourced> = {}
  for (const { key, value } of document.contents.items) {
    const name = isScalar(key) ? String(key.value) : ''
    const where = at(isScalar(key) ? key.range?.[0] : undefined)
    if (!known.includes(name)) throw unknownKey(name, where, known)
    const plain = (value as { toJS?: (d: Document) => unknown } | null)?.toJS?.(document)
    if (plain !== null && plain !== undefined) settings[name] = { value: plain, where }
  }
  return settings
}

function parse(file: string, lineCounter: LineCounter): Document {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    throw new Problem('CONFIG_FILE', "the config file can't be read", {
      where: file,
      wanted: 'a YAML file',
      found: messageOf(error),
      hint: 'check the path that --config or JOB_SPAWNER_CONFIG gives',
    })
  }
  const document = parseDocument(text, { lineCounter, prettyErrors: false })
  const [error] = document.errors
  if (!error) return document
  const { line, col } = lineCounter.linePos(error.pos[0])
  throw new Problem('CONFIG_FILE', 'the config file is not YAML', {
    where: `${file}:${line}:${col}`,
    wanted: 'YAML',
    found: error.code.toLowerCase().replaceAll('_', ' '),
    hint: 'mend the line; a colon in a value wants quotes around it',
  })
}

function unknownKey(name: string, where: string, known: readonly string[]): Problem {
  const near = nearest(name, known)
  return new Problem('CONFIG_FILE', 'unknown key in the config file', {
    where,
    wanted: `one of: ${known.join(', ')}`,
    found: JSON.stringify(name),
    hint: near === undefined ? 'remove the key' : `did you mean ${near}?`,
  })
}
