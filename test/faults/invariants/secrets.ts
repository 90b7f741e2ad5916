import type { History } from '../history.js'

const shapes: readonly { what: string; shape: RegExp }[] = [
  { what: 'a session token of upstream', shape: /\bbkaa_[0-9a-f]{12,}/ },
  { what: 'a job token of upstream', shape: /\bbkaj_[0-9a-f]{12,}/ },
  { what: 'a service account token', shape: /\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]+/ },
]

/** No credential stands where others may read: output of processes, logs of jobs, objects of the cluster. */
export function noSecret({ texts, secrets }: History): string[] {
  const found = new Set<string>()
  for (const { where, text } of texts) {
    for (const { what, shape } of shapes) if (shape.test(text)) found.add(`${what} in ${where}`)
    for (const { what, value } of secrets) {
      if (value !== '' && text.includes(value)) found.add(`${what} in ${where}`)
    }
  }
  return [...found]
}
