import { isProblem, type Problem } from '../../errors.js'
import { hasVariable } from '../../pipeline/interpolate.js'
import { pluginSource } from '../../pipeline/plugins.js'
import { pathText, valueAt, type Path } from '../../pipeline/source.js'
import { buildJob } from '../../pod/build.js'
import { holdOf } from '../../pod/given/hold.js'
import { jobInputs } from '../../pod/given/inputs.js'
import { pluginPlace } from '../../pod/given/plugin.js'
import type { PodSettings } from '../../pod/given/settings.js'
import { unknownFieldText, unknownPluginFields } from '../render/kubernetes-fields.js'
import { pathOfProblem } from '../render/places.js'
import type { Places, StepJob } from '../render/step-jobs.js'
import { findingOf, type Finding } from './finding.js'
import { without } from './peel.js'

/**
 * What would end the step's job before its pod runs, found by the code that `run` has for it. What is faulty is taken
 * out of the plugin until no more is found.
 */
export function stepFindings({ job, places }: StepJob, settings: PodSettings): Finding[] {
  const { source } = places
  const findings: Finding[] = fieldFindings({ job, places })
  const seen = new Set<string>()
  let plugins = job.env['BUILDKITE_PLUGINS']
  for (;;) {
    const env: Record<string, string> = { ...job.env }
    if (plugins !== undefined) env['BUILDKITE_PLUGINS'] = plugins
    const problem = problemOf({ ...job, env }, settings)
    if (!problem) return [...findings, ...holdFindings({ ...job, env }, places, settings)]
    const path = pathOfProblem(problem, places)
    const written = valueAt(source.value, path)
    const isFilledIn = typeof written === 'string' && hasVariable(written)
    const inner = innerPath(path, places.plugin)
    if (!isFilledIn) findings.push(findingOf(source, faultOf(problem, path, inner)))
    if (inner === undefined || seen.has(String(path))) return findings
    seen.add(String(path))
    plugins = withoutPart(plugins, inner)
  }
}

function holdFindings(job: StepJob['job'], places: Places, settings: PodSettings): Finding[] {
  const { note } = holdOf(jobInputs(job).plugin, settings)
  if (note === undefined) return []
  const path = [...places.plugin, 'holdOnFailure']
  return [findingOf(places.source, { path, message: `with these settings ${note}` }, 'note')]
}

function problemOf(job: StepJob['job'], settings: PodSettings): Problem | undefined {
  try {
    buildJob(jobInputs(job), settings)
    return undefined
  } catch (error) {
    if (!isProblem(error)) throw error
    return error
  }
}

// A payload's plugins are one text, of which there is one place only: so the message says where in them.
function faultOf({ where, message, wanted, found, hint }: Problem, path: Path, inner?: Path) {
  const given = where?.startsWith(pluginPlace) ? where.slice(pluginPlace.length) : ''
  const way = inner === undefined ? given.replace(/^[\s,.:]+/, '') : pathText(inner)
  return {
    path,
    message: way === '' ? message : `${message}: ${way}`,
    wanted,
    found: found?.replace(/ \(and \d+ more\)$/, ''),
    hint,
  }
}

/** The way from the plugin's body, when there is one. */
function innerPath(path: Path, plugin: Path): Path | undefined {
  const isInside =
    path.length > plugin.length && plugin.every((part, index) => path[index] === part)
  return isInside ? path.slice(plugin.length) : undefined
}

function withoutPart(plugins: string | undefined, path: Path): string | undefined {
  const list = pluginsOf(plugins)
  return JSON.stringify(list.map(plugin => (bodyOf(plugin) ? mapBody(plugin, path) : plugin)))
}

function mapBody(plugin: Plugin, path: Path): Plugin {
  return Object.fromEntries(
    Object.entries(plugin).map(([source, body]) => [source, without(body, path) ?? {}]),
  )
}

type Plugin = Record<string, unknown>

const ours = pluginSource('kubernetes')

function bodyOf(plugin: Plugin): unknown {
  return Object.hasOwn(plugin, ours) ? plugin[ours] : undefined
}

function pluginsOf(text: string | undefined): Plugin[] {
  try {
    const value: unknown = JSON.parse(text ?? '[]')
    return Array.isArray(value) ? (value as Plugin[]) : []
  } catch {
    return []
  }
}

function fieldFindings({ job, places }: Pick<StepJob, 'job' | 'places'>): Finding[] {
  const bodies = pluginsOf(job.env['BUILDKITE_PLUGINS']).map(bodyOf)
  return bodies
    .filter(Boolean)
    .flatMap(unknownPluginFields)
    .map(field =>
      findingOf(
        places.source,
        { path: [...places.plugin, ...field.path, field.key], message: unknownFieldText(field) },
        'warning',
      ),
    )
}
