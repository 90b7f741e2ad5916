/**
 * A pipeline with the variables put into its strings: `$NAME`, `${NAME}`, `${NAME:-default}`, `${NAME-default}`,
 * `${NAME?message}`; `$$` and `\$` stand for a dollar sign.
 * @throws Error when a `${NAME?message}` has no value.
 */
export function interpolated(value: unknown, env: Readonly<Record<string, string>>): unknown {
  if (typeof value === 'string') return interpolatedText(value, env)
  if (Array.isArray(value)) return value.map(item => interpolated(item, env))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      interpolatedText(key, env),
      interpolated(item, env),
    ]),
  )
}

const variable =
  /\\\$|\$\$|\$([A-Za-z_][A-Za-z0-9_]*)|\$\{([A-Za-z_][A-Za-z0-9_]*)(?:(:?[-?])([^}]*))?\}/g

function interpolatedText(text: string, env: Readonly<Record<string, string>>): string {
  return text.replaceAll(
    variable,
    (found: string, plain?: string, name?: string, sign?: string, word?: string) => {
      if (plain !== undefined) return env[plain] ?? ''
      if (name === undefined) return found === '$$' || found === String.raw`\$` ? '$' : found
      const value = env[name]
      const unset = value === undefined || (sign?.startsWith(':') && value === '')
      if (!unset) return value ?? ''
      if (sign?.endsWith('?')) throw new Error(`$${name}: ${word || 'not set'}`)
      return sign === undefined ? '' : interpolatedText(word ?? '', env)
    },
  )
}
