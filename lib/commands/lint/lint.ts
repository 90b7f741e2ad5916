import type { PodConfig } from '../../config/config.js'
import { loadPodConfig } from '../../config/load.js'
import { Problem } from '../../errors.js'
import { yamlSource, type Source } from '../../pipeline/source.js'
import { isMap } from '../../pipeline/values.js'
import { typeName } from '../../schemas.js'
import type { CommandContext } from '../command.js'
import { manifestYaml } from '../render/diff.js'
import { nameOf, readText } from '../render/read-file.js'
import { configFindings } from './config-file.js'
import { findingOf, findingText, sorted, summary, type Finding } from './finding.js'
import { kindOf, kinds, type Kind } from './kind.js'
import { converted, hasPeerConfig, peerConfigFindings } from './peer-config.js'
import { payloadFindings, pipelineFindings } from './pipeline-file.js'
import { convertedValues, isPeerValues, valuesFindings } from './values-file.js'
import { readWords } from './words.js'

/**
 * `job-spawner lint FILE...`: checks pipelines, settings, values of the chart and jobs' payloads, without a cluster and
 * without Buildkite. The exit status is 0 when no file has an error, else 1.
 */
export async function lint({ argv, env, stdin, stdout, stderr }: CommandContext): Promise<number> {
  const words = readWords(argv)
  const config = loadPodConfig(words.flags, env)
  const sources: Source[] = []
  for (const file of words.files) {
    sources.push(yamlSource(await readText(file, stdin), nameOf(file)))
  }
  const findings = sources.flatMap(source => sorted(findingsOf(source, words.kind, config)))
  const text = words.output === 'json' ? json(findings) : findings.map(findingText).join('\n')
  const told = text === '' ? '' : `${text}\n`
  ;(words.convert ? stderr : stdout).write(told)
  // What cannot be read cannot be converted: that is told already.
  if (words.convert && sources[0]?.faults.length === 0) stdout.write(conversion(sources[0]))
  stderr.write(`${summary(findings, sources.length)}\n`)
  return findings.some(({ severity }) => severity === 'error') ? 1 : 0
}

function findingsOf(source: Source, wanted: Kind | undefined, config: PodConfig): Finding[] {
  if (source.faults.length > 0) return source.faults.map(fault => findingOf(source, fault))
  const kind = wanted ?? kindOf(source.value)
  if (kind === undefined) return [unknownKind(source)]
  return checks[kind](source, config)
}

const checks: Record<Kind, (source: Source, config: PodConfig) => Finding[]> = {
  pipeline: pipelineFindings,
  payload: payloadFindings,
  config: source => (hasPeerConfig(source) ? peerConfigFindings(source) : configFindings(source)),
  values: valuesFindings,
}

function unknownKind(source: Source): Finding {
  return findingOf(source, {
    path: [],
    message: 'it is not known what this file is',
    wanted: "a pipeline (steps), settings, the chart's values (config), or a job's payload (env)",
    found: source.value === null ? 'nothing in it' : typeName(source.value),
    hint: `say it with --kind ${kinds.join('|')}`,
  })
}

/** What is said of a file of agent-stack-k8s, as our own. @throws Problem USAGE when it is none */
function conversion(source: Source | undefined): string {
  if (source && isPeerValues(source)) return manifestYaml(convertedValues(source))
  if (source && isMap(source.value) && hasPeerConfig(source)) {
    return manifestYaml(converted(source.value))
  }
  throw new Problem('USAGE', 'there is nothing to convert', {
    where: source?.name,
    wanted: "agent-stack-k8s' config file, or the values of its chart",
    found: 'a file without a key of its own',
  })
}

function json(findings: readonly Finding[]): string {
  return JSON.stringify(findings, undefined, 2)
}
