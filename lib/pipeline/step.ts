import { typeName } from '../schemas.js'
import { commandStep, type CommandStep } from './command-step.js'
import { checkKeys, kindOf, kindOfWord, type StepKind } from './keys.js'
import type { Path } from './source.js'
import type { StepBase } from './step-base.js'
import { boolean, isMap, text, type Report } from './values.js'

/** A step that holds the steps after it until all before it are over. */
export interface WaitStep extends StepBase {
  kind: 'wait'
  continueOnFailure: boolean
}

/** A step that runs nothing on an agent. */
export interface GateStep extends StepBase {
  kind: 'block' | 'input' | 'trigger'
}

/** Steps under one heading. */
export interface GroupStep extends StepBase {
  kind: 'group'
  steps: PipelineStep[]
}

/** A step of a pipeline. */
export type PipelineStep = CommandStep | WaitStep | GateStep | GroupStep

/** Reads one step; nothing when it is none. */
export function readStep(value: unknown, path: Path, report: Report): PipelineStep | undefined {
  const word = kindOfWord(value)
  if (word !== undefined) return withoutCommands({ [word]: null }, word, { path, report })
  if (!isMap(value)) {
    report(path, { wanted: 'a command step (a map) or wait', found: typeName(value) })
    return undefined
  }
  const kind = kindOf(value)
  checkKeys(value, kind, { path, report })
  if (kind !== 'command') return withoutCommands(value, kind, { path, report })
  return { ...commandStep(value, path, report), ...named(value, path, report) }
}

function withoutCommands(
  source: Record<string, unknown>,
  kind: Exclude<StepKind, 'command'>,
  { path, report }: { path: Path; report: Report },
): WaitStep | GateStep | GroupStep {
  const base = { path, source, ...named(source, path, report) }
  if (kind === 'wait') return { kind, ...base, continueOnFailure: goesOn(source, path, report) }
  if (kind === 'group') return { kind, ...base, steps: innerSteps(source['steps'], path, report) }
  return { kind, ...base }
}

function goesOn(step: Record<string, unknown>, path: Path, report: Report): boolean {
  const inner = isMap(step['wait']) ? step['wait'] : {}
  const flag = step['continue_on_failure'] ?? inner['continue_on_failure'] ?? false
  return boolean(flag, [...path, 'continue_on_failure'], report)
}

function innerSteps(value: unknown, path: Path, report: Report): PipelineStep[] {
  const at = [...path, 'steps']
  if (Array.isArray(value)) return readSteps(value, at, report)
  const found = value === undefined ? 'no such key' : typeName(value)
  report(at, { wanted: 'a list of steps', found })
  return []
}

/** Reads a list of steps; those that are none are left out. */
export function readSteps(steps: readonly unknown[], path: Path, report: Report): PipelineStep[] {
  return steps.flatMap((step, index) => readStep(step, [...path, index], report) ?? [])
}

function named(
  step: Record<string, unknown>,
  path: Path,
  report: Report,
): Pick<StepBase, 'key' | 'label'> {
  const key = text(step['key'] ?? step['id'] ?? step['identifier'], [...path, 'key'], report)
  const label = text(labelOf(step), [...path, 'label'], report)
  return { ...(key === undefined ? {} : { key }), ...(label === undefined ? {} : { label }) }
}

// Of the steps that run nothing, the key that says what they are may be their label; a wait's is a map sometimes.
function labelOf(step: Record<string, unknown>): unknown {
  const title = [step['group'], step['block'], step['input']].find(one => typeof one === 'string')
  return step['label'] ?? step['name'] ?? title
}
