import type { V1PodSpec, V1PodTemplate } from '@kubernetes/client-node'
import { parseAllDocuments } from 'yaml'
import { Problem } from '../../errors.js'
import { isMap } from '../../pipeline/values.js'
import type { JobInputs } from '../../pod/given/inputs.js'
import { pluginPlace, pluginProblem, podTemplateName } from '../../pod/given/plugin.js'

/** Gives the PodTemplate of a name; undefined when there is none. */
export type FindTemplate = (name: string) => Promise<V1PodTemplate | undefined>

/**
 * The podSpec of the PodTemplate that the step names; undefined when it names none, or has a podSpec of its own.
 * @throws Problem JOB_PLUGIN when it is not known
 */
export async function podTemplateOf(
  { plugin }: JobInputs,
  find: FindTemplate | undefined,
): Promise<V1PodSpec | undefined> {
  const name = podTemplateName(plugin)
  if (name === undefined) return undefined
  const template = await find?.(name)
  if (template) return template.template?.spec
  throw pluginProblem({
    where: `${pluginPlace}, podTemplate`,
    wanted: `the PodTemplate ${JSON.stringify(name)}`,
    found: find ? 'none of that name' : 'nowhere to look for it',
    hint: find
      ? 'mend the name, or give another file or namespace'
      : 'give it with --pod-template FILE, or read it from the cluster with --server-dry-run',
  })
}

/** The PodTemplates in a text of YAML documents, or in a List. @throws Problem USAGE when there is something else */
export function readTemplates(text: string, file: string): V1PodTemplate[] {
  const documents = parseAllDocuments(text)
  const all = 'empty' in documents ? [] : documents
  const [error] = all.flatMap(({ errors }) => errors)
  if (error) throw unusable(file, 'text that is not YAML')
  const values = all.map(document => document.toJS() as unknown).filter(value => value !== null)
  return values.flatMap(items).map(value => {
    if (isTemplate(value)) return value
    const kind = isMap(value) && typeof value['kind'] === 'string' ? value['kind'] : undefined
    throw unusable(file, kind === undefined ? 'something without a kind' : `a ${kind}`)
  })
}

function items(value: unknown): unknown[] {
  return isMap(value) && Array.isArray(value['items']) ? (value['items'] as unknown[]) : [value]
}

function isTemplate(value: unknown): value is V1PodTemplate {
  return isMap(value) && value['kind'] === 'PodTemplate' && isMap(value['template'])
}

function unusable(file: string, found: string): Problem {
  return new Problem('USAGE', "the PodTemplate can't be used", {
    where: `--pod-template ${file}`,
    wanted: 'one or more objects of kind PodTemplate with a template',
    found,
    hint: 'kubectl get podtemplate NAME -o yaml gives one',
  })
}
