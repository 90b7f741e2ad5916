/**
 * Whether a path fits one of the patterns of an artifact query: `*`, `**`, `?` and `{a,b}`, patterns separated by `;`.
 */
export function fitsGlob(path: string, query: string): boolean {
  return query.split(';').some(pattern => globExpression(pattern.trim()).test(path))
}

function globExpression(pattern: string): RegExp {
  const source = pattern.replaceAll(/\*\*\/|\*\*|\*|\?|\{[^}]*\}|[.+^$()|[\]\\{}]/g, token => {
    if (token === '**/') return '(?:.*/)?'
    if (token === '**') return '.*'
    if (token === '*') return '[^/]*'
    if (token === '?') return '[^/]'
    if (token.startsWith('{') && token.endsWith('}')) return alternatives(token)
    return `\\${token}`
  })
  return new RegExp(`^${source}$`)
}

function alternatives(braces: string): string {
  const choices = braces.slice(1, -1).split(',')
  return `(?:${choices.map(choice => choice.replaceAll(/[.*+?^$()|[\]\\{}]/g, '\\$&')).join('|')})`
}
