import { unknownFieldsWithin, withoutDirectives, type UnknownField } from '../../schemas.js'

/** The fields in a kubernetes plugin's body that Kubernetes does not know; paths begin at the body. */
export function unknownPluginFields(body: unknown): UnknownField[] {
  return unknownFieldsWithin('kubernetes-plugin', withoutDirectives(body))
}

/** What is said of such a field. */
export function unknownFieldText({ key, near }: UnknownField): string {
  const hint = near === undefined ? '' : `: did you mean ${near}?`
  return `Kubernetes knows no field ${JSON.stringify(key)} here${hint}`
}
