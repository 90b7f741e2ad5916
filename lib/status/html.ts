/** Text that is HTML already. */
export class Html {
  constructor(readonly text: string) {}
}

/** What may stand in a `markup` template: text is escaped, lists are put side by side, nothing is left out. */
export type HtmlValue = Html | string | number | undefined | readonly HtmlValue[]

// Not called `html`: prettier would format what is between the tags, and blanks count there.
/** HTML from a template; whatever stands in it and is not `Html` itself is escaped. */
export function markup(parts: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  return new Html(
    parts.map((part, at) => part + (at < values.length ? escaped(values[at]) : '')).join(''),
  )
}

function escaped(value: HtmlValue): string {
  if (value === undefined) return ''
  if (value instanceof Html) return value.text
  if (typeof value === 'object') return value.map(escaped).join('')
  return String(value).replace(/[&<>"']/g, found => entities[found] ?? found)
}

const entities: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}
