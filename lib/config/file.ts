import { readFileSync } from 'node:fs'
import {
  isMap,
  LineCounter,
  parseDocument,
  type Document,
  type Node,
  type ScalarTag,
  type YAMLMap,
} from 'yaml'
import { messageOf, Problem } from '../errors.js'
import { nearest } from '../schemas.js'
import type { Path } from './fault.js'
import { movedKey } from './moved.js'
import { keyName, offsetOf } from './positions.js'

/** A raw value, and the place to blame for it: a flag, a variable, or FILE:LINE:COLUMN. */
export interface Sourced {
  value: unknown
  where: string
  /** In a file: the place of what a path names, which begins with the setting's name; else that of what is nearest. */
  at?: (path: Path) => string
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
  const { contents } = document
  const at = (path: Path) => {
    const { line, col } = lines.linePos(offsetOf(contents, path, document))
    return `${file}:${line}:${col}`
  }
  const settings: Record<string, Sourced> = {}
  for (const { key } of contents.items) {
    const name = keyName(key)
    const where = at([name])
    if (!known.includes(name)) throw unknownKey(name, where, known)
    const value = plain(document, contents, key, where)
    if (value !== null && value !== undefined) settings[name] = { value, where, at }
  }
  return settings
}

// Aliases are resolved here, and only here can one fail.
function plain(document: Document, map: YAMLMap, key: unknown, where: string): unknown {
  try {
    const node = map.get(key, true) as Partial<Node> | undefined
    const value: unknown = node?.toJS?.(document, { maxAliasCount })
    // Throws for a value that is a part of itself.
    JSON.stringify(value)
    return value
  } catch (error) {
    throw new Problem('CONFIG_FILE', 'the config file has an alias that leads nowhere', {
      where,
      wanted: 'aliases (*name) of anchors (&name) that stand before them, and not around them',
      found: error instanceof TypeError ? 'an alias in what it stands for' : messageOf(error),
      hint: 'write the value out',
    })
  }
}

// So many that no file has them, and so few that aliases of aliases of aliases cannot fill the memory.
const maxAliasCount = 10_000

// 0555 is a mode, as everything else that reads Kubernetes' YAML has it; YAML 1.2 alone would make it 555.
const octal: ScalarTag = {
  tag: 'tag:yaml.org,2002:int',
  default: true,
  format: 'OCT',
  test: /^0[0-7]+$/,
  resolve: text => Number.parseInt(text, 8),
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
  const document = parseDocument(text, {
    lineCounter,
    prettyErrors: false,
    merge: true,
    customTags: tags => [octal, ...tags],
  })
  const [error] = document.errors
  if (!error) return document
  const isTwice = error.code === 'DUPLICATE_KEY'
  // For such a key the parser points at the end of what is before it.
  const offset = error.pos[0] + (isTwice ? text.slice(error.pos[0]).search(/(?<!#.*)[^\s#]/) : 0)
  const { line, col } = lineCounter.linePos(offset)
  throw new Problem('CONFIG_FILE', 'the config file is not YAML', {
    where: `${file}:${line}:${col}`,
    wanted: 'YAML',
    found: error.code.toLowerCase().replaceAll('_', ' '),
    hint: isTwice
      ? 'remove one of the two'
      : 'mend the line; a colon in a value wants quotes around it',
  })
}

function unknownKey(name: string, where: string, known: readonly string[]): Problem {
  const theirs = movedKey(name)
  const near = nearest(name, known)
  const found = JSON.stringify(name)
  if (theirs !== undefined) {
    return new Problem(
      'CONFIG_FILE',
      'the config file has a key of agent-stack-k8s that is none here',
      {
        where,
        wanted: theirs.becomes ?? 'no such key',
        found,
        hint: theirs.why,
      },
    )
  }
  return new Problem('CONFIG_FILE', 'unknown key in the config file', {
    where,
    // The nearest says it; the list of all would fill the screen.
    wanted: near === undefined ? `one of: ${known.join(', ')}` : 'the name of a setting',
    found,
    hint: near === undefined ? 'remove the key' : `did you mean ${near}?`,
  })
}
