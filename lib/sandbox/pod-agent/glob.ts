import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** The files (not folders) that a pattern names, relative to `folder`, sorted. `**` crosses folders, `*` does not. */
export function glob(pattern: string, folder: string): string[] {
  const clean = pattern.replace(/^\.\//, '')
  const whole = clean.startsWith('/')
  const fixed = clean.split('/').findIndex(part => /[*?[{]/.test(part))
  if (fixed === -1) return isFile(whole ? clean : join(folder, clean)) ? [clean] : []
  const base = clean.split('/').slice(0, fixed).join('/')
  const root = whole ? base || '/' : join(folder, base)
  if (!statSync(root, { throwIfNoEntry: false })?.isDirectory()) return []
  const wanted = globExpression(clean)
  const prefix = base === '' && !whole ? '' : `${base}/`
  const found = (readdirSync(root, { recursive: true }) as string[]).map(path => `${prefix}${path}`)
  return found
    .filter(path => wanted.test(path) && isFile(whole ? path : join(folder, path)))
    .toSorted()
}

/** The regular expression that a pattern means: `*`, `**`, `?`, `[a-z]`, `{a,b}`. */
export function globExpression(pattern: string): RegExp {
  let depth = 0
  const source = pattern.replaceAll(/\*\*\/|\*\*|\[[^\]]+\]|[\s\S]/g, token => {
    if (token === '**/') return '(?:.*/)?'
    if (token === '**') return '.*'
    if (token === '*') return '[^/]*'
    if (token === '?') return '[^/]'
    if (token.length > 1) return token.replace(/^\[!/, '[^')
    if (token === '{') depth += 1
    if (token === '{') return '(?:'
    if (token === ',' && depth > 0) return '|'
    if (token !== '}' || depth === 0) return token.replace(/[\\^$.|+()[\]{}]/, String.raw`\$&`)
    depth -= 1
    return ')'
  })
  return new RegExp(`^${source}${')'.repeat(depth)}$`)
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false
}
