/** The value of a variable; nothing when it is not known. */
export type Lookup = (name: string) => string | undefined

const variable =
  /\\\$|\$\$|\$([A-Za-z_][A-Za-z0-9_]*)|\$\{([A-Za-z_][A-Za-z0-9_]*)(?:(:?[-?])([^}]*)|:[^}]*)?\}/g

/**
 * A text with its variables filled in, as `pipeline upload` does it (`$NAME`, `${NAME}`, `${NAME:-default}` and so on;
 * `$$` and `\$` are a dollar sign) but for those that are not known and have no default: they stay, and are told to
 * `missing`.
 */
export function interpolate(
  text: string,
  lookup: Lookup,
  missing: (name: string) => void = () => undefined,
): string {
  return text.replaceAll(
    variable,
    (found: string, plain?: string, braced?: string, sign?: string, word?: string) => {
      const name = plain ?? braced
      if (name === undefined) return '$'
      const value = lookup(name)
      if (value !== undefined && !(value === '' && sign?.startsWith(':'))) return value
      if (sign?.endsWith('-')) return interpolate(word ?? '', lookup, missing)
      missing(name)
      return found
    },
  )
}

/** Whether the text has a variable in it that `pipeline upload` would fill in. */
export function hasVariable(text: string): boolean {
  return [...text.matchAll(variable)].some(([, plain, braced]) => (plain ?? braced) !== undefined)
}
