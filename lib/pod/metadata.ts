import type { V1ObjectMeta } from '@kubernetes/client-node'
import { isLabelName, isLabelValue, longestName } from '../kubernetes-names.js'
import { holdOf } from './given/hold.js'
import type { JobFacts, JobInputs } from './given/inputs.js'
import { sidecarNames } from './given/names.js'
import { podTemplateName } from './given/plugin.js'
import type { PodSettings } from './given/settings.js'

/** The keys of our labels, on the Job and on its pod. */
export const labels = {
  /** Which job of Buildkite's it is. */
  jobUuid: 'buildkite.com/job-uuid',
  /** Which job spawner made it. */
  instance: 'job-spawner/instance',
  /** That a job spawner made it. */
  managedBy: 'app.kubernetes.io/managed-by',
  /** What stands before the name of an agent's tag. */
  tagPrefix: 'tag.buildkite.com/',
} as const

/** The annotation of a Job and its pod that says how many seconds the pod stays when its job fails. */
export const holdAnnotation = 'job-spawner/hold-seconds'

/** How long the pod of a Job stays when its job fails, in seconds: 0 for one that ends as usual. Takes Job or pod. */
export function holdSecondsOf({ metadata }: { metadata?: V1ObjectMeta | undefined }): number {
  const text = metadata?.annotations?.[holdAnnotation] ?? ''
  return /^\d{1,9}$/.test(text) ? Number(text) : 0
}

/** The Job's metadata. */
export function jobMetadata(inputs: JobInputs, settings: PodSettings): V1ObjectMeta {
  return {
    name: jobName(inputs.id, settings.jobPrefix),
    namespace: settings.namespace,
    ...podMetadata(inputs, settings),
  }
}

/** The metadata of the Job's pods: the same labels and annotations. */
export function podMetadata(
  inputs: JobInputs,
  settings: PodSettings,
): Pick<V1ObjectMeta, 'labels' | 'annotations'> {
  return { labels: jobLabels(inputs, settings), annotations: jobAnnotations(inputs, settings) }
}

/**
 * The Job's name: a DNS label for any id, and for each id another. The same id always gets the same name. `prefix`
 * begins a DNS label, of at most 20 characters.
 */
export function jobName(jobId: string, prefix = 'buildkite-'): string {
  const plain = jobId
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '')
  const fits = plain !== '' && prefix.length + plain.length <= longestName
  if (fits && plain === jobId) return prefix + plain
  return shortened(prefix + plain, jobId)
}

/** The label selector for everything that the job spawner of that name made. */
export function instanceSelector(instance: string): string {
  return `${labels.instance}=${labelValue(instance)}`
}

/** The text when it is a legal label value, else what is legal of it and a hash of the whole. */
export function labelValue(text: string): string {
  if (isLabelValue(text)) return text
  return shortened(text.replaceAll(/[^A-Za-z0-9._-]+/g, '-').replace(/^[^A-Za-z0-9]+/, ''), text)
}

function shortened(readable: string, whole: string): string {
  const suffix = hash(whole)
  const head = readable.slice(0, longestName - suffix.length - 1).replace(/[^A-Za-z0-9]+$/, '')
  return head === '' ? suffix : `${head}-${suffix}`
}

/** FNV-1a, 64 bits: this keeps names apart and guards nothing. */
function hash(text: string): string {
  let value = 0xcbf29ce484222325n
  for (const byte of new TextEncoder().encode(text)) {
    value = BigInt.asUintN(64, (value ^ BigInt(byte)) * 0x100000001b3n)
  }
  return value.toString(16).padStart(16, '0')
}

function jobLabels(inputs: JobInputs, settings: PodSettings): Record<string, string> {
  return {
    ...settings.defaultMetadata?.labels,
    ...inputs.plugin.metadata?.labels,
    ...tagLabels(inputs.tags),
    ...factLabels(inputs.env),
    [labels.jobUuid]: labelValue(inputs.id),
    [labels.instance]: labelValue(settings.instance),
    [labels.managedBy]: 'job-spawner',
  }
}

/** Only tags that are legal labels as they are: a mangled one would select the wrong thing. */
function tagLabels(tags: JobInputs['tags']): Record<string, string> {
  const legal = Object.entries(tags).filter(
    ([key, value]) => isLabelName(key) && isLabelValue(value),
  )
  return Object.fromEntries(legal.map(([key, value]) => [labels.tagPrefix + key, value]))
}

/** What people select Jobs by, as far as it is a legal label as it is. */
function factLabels({ pipelineSlug, buildNumber, stepKey }: JobFacts): Record<string, string> {
  const facts = {
    'buildkite.com/pipeline-slug': pipelineSlug,
    'buildkite.com/build-number': buildNumber,
    'buildkite.com/step-key': stepKey,
  }
  return withoutEmpty(facts, isLabelValue)
}

function withoutEmpty(
  texts: Record<string, string>,
  isRight: (text: string) => boolean = () => true,
): Record<string, string> {
  const there = Object.entries(texts).filter(([, text]) => text !== '' && isRight(text))
  return Object.fromEntries(there)
}

function jobAnnotations(
  { id, env, plugin }: JobInputs,
  settings: PodSettings,
): Record<string, string> {
  const template = podTemplateName(plugin)
  const { seconds } = holdOf(plugin, settings)
  const { [holdAnnotation]: _forged, ...authors } = {
    ...settings.defaultMetadata?.annotations,
    ...plugin.metadata?.annotations,
  }
  return {
    // A running job cannot move to another node. An author may say that theirs may be lost.
    'cluster-autoscaler.kubernetes.io/safe-to-evict': 'false',
    'karpenter.sh/do-not-disrupt': 'true',
    ...authors,
    ...(template === undefined ? {} : { 'buildkite.com/pod-template-name': template }),
    ...Object.fromEntries(
      sidecarNames(plugin).map((name, i) => [`buildkite.com/sidecar-${i}`, name]),
    ),
    'buildkite.com/build-url': env.buildUrl,
    'buildkite.com/build-branch': env.branch,
    'buildkite.com/build-repo': withoutPassword(env.repo),
    'buildkite.com/pipeline-slug': env.pipelineSlug,
    'buildkite.com/step-key': env.stepKey,
    'buildkite.com/job-url': env.buildUrl === '' ? '' : `${env.buildUrl}#${id}`,
    ...withoutEmpty({
      'buildkite.com/build-number': env.buildNumber,
      'buildkite.com/step-label': env.stepLabel,
    }),
    ...(seconds === 0 ? {} : { [holdAnnotation]: String(seconds) }),
  }
}

/** A repository's URL as everyone who may list pods may read it: with https, the user's name can be the secret. */
function withoutPassword(repo: string): string {
  return repo.replace(/^(https?:\/\/)[^@/]*@/i, '$1')
}
