import { nearest } from '../schemas.js'
import type { Path } from './source.js'
import type { Report } from './values.js'

/** What a step is; all that is none of the others runs commands. */
export type StepKind = 'command' | 'wait' | 'block' | 'input' | 'trigger' | 'group'

const common = ['type', 'key', 'id', 'identifier', 'label', 'name', 'if', 'if_changed', 'branches']
const dependent = [...common, 'depends_on', 'allow_dependency_failure']

/** The keys that Buildkite knows, by kind of step (its "Pipeline step types"). */
const stepKeys: Record<StepKind, readonly string[]> = {
  command: [
    ...dependent,
    'command',
    'commands',
    'env',
    'agents',
    'image',
    'plugins',
    'artifact_paths',
    'parallelism',
    'timeout_in_minutes',
    'retry',
    'soft_fail',
    'priority',
    'cache',
    'secrets',
    'notify',
    'signature',
    'checkout',
    'matrix',
    'skip',
    'concurrency',
    'concurrency_group',
    'concurrency_method',
    'cancel_on_build_failing',
  ],
  wait: [...dependent, 'wait', 'waiter', 'continue_on_failure'],
  block: [
    ...dependent,
    'block',
    'manual',
    'prompt',
    'fields',
    'blocked_state',
    'allowed_teams',
    'notify',
    'async',
  ],
  input: [...dependent, 'input', 'prompt', 'fields', 'blocked_state', 'allowed_teams', 'async'],
  trigger: [...dependent, 'trigger', 'build', 'async', 'soft_fail', 'skip', 'parallelism'],
  group: [...dependent, 'group', 'steps', 'notify', 'skip'],
}

const signs: [kind: Exclude<StepKind, 'command' | 'group'>, keys: readonly string[]][] = [
  ['wait', ['wait', 'waiter']],
  ['block', ['block', 'manual']],
  ['input', ['input']],
  ['trigger', ['trigger']],
]

/** The kind of a step that is a map. */
export function kindOf(step: Record<string, unknown>): StepKind {
  if ('group' in step || step['type'] === 'group') return 'group'
  const sign = signs.find(
    ([, keys]) => keys.some(key => key in step) || keys.includes(String(step['type'])),
  )
  return sign?.[0] ?? 'command'
}

/** The kind of a step that is one word: `wait`, and its like. */
export function kindOfWord(word: unknown): (typeof signs)[number][0] | undefined {
  return signs.find(([, keys]) => keys.some(key => key === word))?.[0]
}

/** Reports the keys that no step of the kind has. */
export function checkKeys(
  step: Record<string, unknown>,
  kind: StepKind,
  { path, report }: { path: Path; report: Report },
): void {
  const known = stepKeys[kind]
  for (const key of Object.keys(step).filter(one => !known.includes(one))) {
    const near = nearest(key, known)
    report([...path, key], {
      wanted: `one of: ${known.toSorted().join(', ')}`,
      found: `the unknown key ${JSON.stringify(key)}`,
      hint: near === undefined ? 'remove the key' : `did you mean ${near}?`,
    })
  }
}
