import type { V1Job } from '@kubernetes/client-node'
import type { Cluster } from '../../cluster/cluster.js'
import { isProblem, problemText } from '../../errors.js'
import { yamlSource } from '../../pipeline/source.js'
import { buildJob } from '../../pod/build.js'
import { holdOf } from '../../pod/given/hold.js'
import { jobInputs, type JobInputs } from '../../pod/given/inputs.js'
import { layers } from '../../pod/layers.js'
import type { PodSettings } from '../../pod/given/settings.js'
import type { CommandContext } from '../command.js'
import { layersDiff, manifestYaml, paint } from './diff.js'
import { unknownFieldText, unknownPluginFields } from './kubernetes-fields.js'
import { pathOfProblem, placeText } from './places.js'
import { podTemplateOf, readTemplates, type FindTemplate } from './pod-templates.js'
import { nameOf, readText } from './read-file.js'
import { jobsIn } from './jobs-in.js'
import { renderSettings, usualSettings } from './settings.js'
import { picked } from './pick.js'
import { titleOf, type StepJob } from './step-jobs.js'
import { readWords, type RenderWords } from './words.js'

/** A step's Job, and what it was made of. */
interface Rendered {
  stepJob: StepJob
  job: V1Job
  inputs: JobInputs
  settings: PodSettings
}

/**
 * `job-spawner render FILE`: the Job of each command step, as `run` would make it. A step that cannot be rendered is
 * told on standard error, and the others are rendered all the same; the exit status is 1 then.
 */
export async function render(context: CommandContext): Promise<number> {
  const { argv, env, stderr } = context
  const words = readWords(argv)
  const { config, settings } = renderSettings(words.flags, env)
  const source = yamlSource(await readText(words.file, context.stdin), nameOf(words.file))
  const say = (text: string) => void stderr.write(`${text}\n`)
  const stepJobs = picked(jobsIn(source, words, { tags: config.tags, say }), words.step)
  const cluster = words.serverDryRun
    ? (await import('./dry-run.js')).dryCluster(config, { env, stderr })
    : undefined
  try {
    const find = await templateFinder(words, cluster, context)
    const rendered: Rendered[] = []
    for (const stepJob of stepJobs) {
      const one = await renderedOf(stepJob, settings, { find, say })
      if (one) rendered.push(one)
    }
    print(rendered, words, context)
    const taken = cluster ? await dryRun(rendered, cluster, say) : true
    return taken && rendered.length === stepJobs.length ? 0 : 1
  } finally {
    await cluster?.close()
  }
}

async function templateFinder(
  { podTemplate: file }: RenderWords,
  cluster: Cluster | undefined,
  { stdin }: CommandContext,
): Promise<FindTemplate | undefined> {
  if (file === undefined) return cluster && (name => cluster.getPodTemplate(name))
  const templates = readTemplates(await readText(file, stdin), file)
  return async name => templates.find(({ metadata }) => metadata?.name === name)
}

async function renderedOf(
  stepJob: StepJob,
  settings: PodSettings,
  { find, say }: { find: FindTemplate | undefined; say: (text: string) => void },
): Promise<Rendered | undefined> {
  const { places } = stepJob
  sayMissing(stepJob, say)
  try {
    const inputs = jobInputs(stepJob.job)
    const full = { ...settings, podTemplate: await podTemplateOf(inputs, find) }
    const job = buildJob(inputs, full)
    for (const field of unknownPluginFields(inputs.plugin)) {
      const place = placeText(places, [...places.plugin, ...field.path, field.key])
      say(`${place}: warning: ${unknownFieldText(field)}`)
    }
    const { note } = holdOf(inputs.plugin, settings)
    if (note) say(`${placeText(places, [...places.plugin, 'holdOnFailure'])}: note: ${note}`)
    return { stepJob, job, inputs, settings: full }
  } catch (error) {
    if (!isProblem(error)) throw error
    const place = placeText(places, pathOfProblem(error, places))
    say(`${place}: ${titleOf(stepJob)}: ${problemText(error)}`)
    return undefined
  }
}

function sayMissing(stepJob: StepJob, say: (text: string) => void): void {
  const { missing, places } = stepJob
  if (missing.length === 0) return
  const names = missing.map(name => `$${name}`).join(', ')
  const place = placeText(places, places.step)
  say(`${place}: note: ${titleOf(stepJob)}: not known here: ${names} (--env NAME=VALUE)`)
}

function print(
  rendered: readonly Rendered[],
  words: RenderWords,
  { env, stdout }: CommandContext,
): void {
  if (words.diff) {
    const colours = paint((stdout as { isTTY?: boolean }).isTTY === true && !env['NO_COLOR'])
    const usual = usualSettings()
    for (const { stepJob, inputs, settings } of rendered) {
      const text = layersDiff(layers(inputs, settings, usual), colours)
      stdout.write(`${colours.header(comment(stepJob))}\n${text || '# no layer changes it\n'}`)
    }
    return
  }
  if (words.output === 'json') {
    stdout.write(`${JSON.stringify(jsonOf(rendered), undefined, 2)}\n`)
    return
  }
  const documents = rendered.map(({ stepJob, job }) => `${comment(stepJob)}\n${manifestYaml(job)}`)
  stdout.write(documents.join('---\n'))
}

function comment(stepJob: StepJob): string {
  return `# ${titleOf(stepJob)} (${placeText(stepJob.places, stepJob.places.step)})`
}

// Several as the List that kubectl gives and takes.
function jsonOf(rendered: readonly Rendered[]): unknown {
  const jobs = rendered.map(({ job }) => job)
  return jobs.length === 1 ? jobs[0] : { apiVersion: 'v1', kind: 'List', items: jobs }
}

async function dryRun(
  rendered: readonly Rendered[],
  cluster: Cluster,
  say: (text: string) => void,
): Promise<boolean> {
  const { refusalOf } = await import('./dry-run.js')
  let taken = true
  for (const { stepJob, job } of rendered) {
    const refusal = await refusalOf(cluster, job)
    const title = titleOf(stepJob)
    say(
      `${title}: ${refusal === undefined ? 'accepted' : 'refused'} by ${cluster.host}${refusal === undefined ? '' : `: ${refusal}`}`,
    )
    taken &&= refusal === undefined
  }
  return taken
}
