import type { CommandStep } from './command-step.js'
import { isMap } from './values.js'

/** The step with each text that Buildkite fills in (variables, matrix values) changed. */
export function withTexts(step: CommandStep, change: (text: string) => string): CommandStep {
  const { label, command, env, agents, image, plugins, artifactPaths } = step
  const changed = { command, env, agents, image, plugins, artifactPaths, ...(label && { label }) }
  return { ...step, ...(deepTexts(changed, change) as typeof changed) }
}

/** A value with each text in it changed; keys stay as they are. */
export function deepTexts(value: unknown, change: (text: string) => string): unknown {
  if (typeof value === 'string') return change(value)
  if (Array.isArray(value)) return value.map(item => deepTexts(item, change))
  if (!isMap(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, deepTexts(item, change)]),
  )
}
