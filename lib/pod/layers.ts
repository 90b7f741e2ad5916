import type { V1Job } from '@kubernetes/client-node'
import { isProblem } from '../errors.js'
import { buildJob } from './build.js'
import type { JobInputs } from './given/inputs.js'
import { podTemplateName } from './given/plugin.js'
import { resourceClassName } from './resource-class.js'
import type { OperatorSettings, PodSettings } from './given/settings.js'

/** The Job as it would be with this layer and all before it. */
export interface Layer {
  /** What the layer is, for people: `settings`, `podTemplate NAME`, `plugin`, … */
  name: string
  job: V1Job
}

/**
 * How a Job comes to be, layer by layer in the order of their precedence: what the job spawner makes by itself (of the
 * settings in `usual`), the operator's settings, the PodTemplate, the plugin, the resource class, the operator's patch,
 * the step's image, the step's patch. The last is the Job itself. A layer that changes nothing is left out.
 * @throws Problem, as `buildJob` does.
 */
export function layers(
  inputs: JobInputs,
  settings: PodSettings,
  usual: Partial<OperatorSettings> = {},
): Layer[] {
  const whole = { name: 'the Job', job: buildJob(inputs, settings) }
  const built = steps(inputs, settings, usual).flatMap(step => layer(step))
  const changed = built.filter(
    ({ job }, index) => index === 0 || text(job) !== text(built[index - 1]?.job),
  )
  // A layer in the middle may be impossible without a later one; what is left then belongs to the last.
  return text(changed.at(-1)?.job) === text(whole.job) ? changed : [...changed, whole]
}

interface Step {
  name: string
  inputs: JobInputs
  settings: PodSettings
}

/** All that is known up to each layer. Each takes what the one before has, and adds its own. */
function steps(inputs: JobInputs, settings: PodSettings, usual: Partial<OperatorSettings>): Step[] {
  const { image, ...unimaged } = inputs
  const { podSpecPatch: _patch, ...plugin } = inputs.plugin
  const podTemplate = podTemplateName(plugin)
  const className = resourceClassName(inputs, settings)
  const unclassed = { ...settings, resourceClasses: silent(settings), podSpecPatch: undefined }
  const classed = { ...settings, podSpecPatch: undefined }
  const unpatched = { ...unimaged, plugin }
  const bare = { ...unimaged, plugin: {} }
  const plain = { ...onlyOfTheRun(settings, usual), resourceClasses: silent(settings) }
  const untemplated = { ...unclassed, podTemplate: undefined }
  return [
    { name: 'job spawner', inputs: bare, settings: plain },
    { name: 'settings', inputs: bare, settings: untemplated },
    ...(podTemplate === undefined
      ? []
      : [
          {
            name: `podTemplate ${podTemplate}`,
            inputs: { ...unimaged, plugin: { podTemplate } },
            settings: unclassed,
          },
        ]),
    { name: 'kubernetes plugin', inputs: unpatched, settings: unclassed },
    { name: `resource class ${className ?? ''}`, inputs: unpatched, settings: classed },
    { name: 'pod-spec-patch', inputs: unpatched, settings },
    {
      name: 'image',
      inputs: { ...unpatched, ...(image === undefined ? {} : { image }) },
      settings,
    },
    { name: 'podSpecPatch', inputs, settings },
  ]
}

/** The same classes, of which none says anything. */
function silent({ resourceClasses = {} }: PodSettings): PodSettings['resourceClasses'] {
  return Object.fromEntries(Object.keys(resourceClasses).map(name => [name, {}]))
}

/** What no operator sets by hand, with the usual settings in the place of theirs. */
function onlyOfTheRun(settings: PodSettings, usual: Partial<OperatorSettings>): PodSettings {
  const { instance, gatewayEndpoint, namespace, agentImage } = settings
  const { jobPrefix, jobTtlSeconds, jobActiveDeadlineSeconds } = settings
  const { terminationGracePeriodSeconds } = settings
  const own = { instance, gatewayEndpoint }
  const needed = { namespace, agentImage, jobPrefix, jobTtlSeconds, jobActiveDeadlineSeconds }
  return { ...needed, terminationGracePeriodSeconds, ...usual, ...own }
}

function layer({ name, inputs, settings }: Step): Layer[] {
  try {
    return [{ name, job: buildJob(inputs, settings) }]
  } catch (error) {
    if (!isProblem(error)) throw error
    return []
  }
}

function text(job: V1Job | undefined): string {
  return JSON.stringify(job)
}
