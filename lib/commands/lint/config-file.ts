import { distinct, pathText, type Fault as SettingFault } from '../../config/fault.js'
import { movedKey } from '../../config/moved.js'
import { ruleFaults } from '../../config/rules.js'
import { checkedValues } from '../../config/scalar.js'
import { isStructure, options, type OptionName, type StructureName } from '../../config/schema.js'
import { shapeFaults } from '../../config/shape.js'
import { typeName, nearest } from '../../schemas.js'
import { valueAt, type Fault, type Path, type Source } from '../../pipeline/source.js'
import { isMap } from '../../pipeline/values.js'
import { findingOf, type Finding } from './finding.js'

/** What is wrong with the settings that stand at `path`; `refused` are those that this file may not have. */
export function configFindings(
  source: Source,
  path: Path = [],
  refused: readonly string[] = [],
): Finding[] {
  const settings = valueAt(source.value, path) ?? {}
  if (!isMap(settings)) {
    const wanted = 'a mapping of settings, key: value'
    const message = 'the settings have the wrong shape'
    return [findingOf(source, { path, message, wanted, found: typeName(settings) })]
  }
  const place = (fault: Fault): Fault => ({ ...fault, path: [...path, ...fault.path] })
  const errors = [...keyFaults(settings, refused), ...settingFaults(settings)].map(place)
  return errors.map(fault => findingOf(source, fault))
}

function keyFaults(settings: Record<string, unknown>, refused: readonly string[]): Fault[] {
  const known = Object.keys(options).filter(name => !refused.includes(name))
  return Object.keys(settings)
    .filter(key => !known.includes(key))
    .map(key => ({ path: [key], found: JSON.stringify(key), ...keyFault(key, known) }))
}

function keyFault(
  key: string,
  known: readonly string[],
): Pick<Fault, 'message' | 'wanted' | 'hint'> {
  if (key in options) {
    return {
      message: 'a setting that does not belong here',
      hint: 'the chart sees to it: remove the key',
    }
  }
  const moved = movedKey(key)
  if (moved) {
    const message = 'a key of agent-stack-k8s that is none here'
    return { message, wanted: moved.becomes ?? 'no such key', hint: moved.why }
  }
  const near = nearest(key, known)
  return {
    message: 'unknown setting',
    wanted: `one of: ${known.toSorted().join(', ')}`,
    hint: near === undefined ? 'remove the key' : `did you mean ${near}?`,
  }
}

/** The faults of values, of their shapes, and of all of them together, as `run --config` would find them. */
export function settingFaults(settings: Record<string, unknown>): Fault[] {
  const given = (Object.keys(options) as OptionName[]).flatMap(name => {
    const value = settings[name] ?? undefined
    return value === undefined ? [] : [[name, { value, where: name }] as const]
  })
  const { values, faults } = checkedValues(Object.fromEntries(given))
  const shapes = (Object.keys(values) as OptionName[]).flatMap(name => shapesOf(name, values[name]))
  const all = [...faults, ...distinct([...ruleFaults(values), ...shapes])]
  return all.map(fault => ({ ...fault, message: `${pathText(fault.path)} can't be used` }))
}

function shapesOf(name: OptionName, value: unknown): SettingFault[] {
  const option = options[name]
  if (!isStructure(option) || value === null || value === undefined) return []
  return shapeFaults(name as StructureName, option, value)
}
