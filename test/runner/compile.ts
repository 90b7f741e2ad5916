import { mkdirSync, readdirSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { transform } from 'esbuild'

/**
 * Compiles `lib` and `test` of the checkout at `root` into a folder below it, so that packages are found as ever. What
 * reads files beside itself finds them in the checkout: `import.meta.url` stays that of the source.
 */
export async function compile(root: string, folder: string): Promise<void> {
  const files = ['lib', 'test'].flatMap(name => sourcesBelow(join(root, name)))
  const targets = files.map(file => compiledOf(root, folder, file))
  for (const parent of new Set(targets.map(target => dirname(target)))) {
    mkdirSync(parent, { recursive: true })
  }
  await Promise.all(
    files.map(async (file, index) => {
      const { code } = await transform(await readFile(file, 'utf8'), {
        loader: 'ts',
        format: 'esm',
        target: 'node20',
        sourcefile: pathToFileURL(file).href,
        sourcemap: 'inline',
        sourcesContent: false,
        define: { 'import.meta.url': JSON.stringify(pathToFileURL(file).href) },
      })
      await writeFile(targets[index]!, code)
    }),
  )
}

/** Where `compile` puts what it makes of a source file, given by its absolute path. */
export function compiledOf(root: string, folder: string, file: string): string {
  return join(folder, file.slice(root.length)).replace(/\.ts$/, '.js')
}

function sourcesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile() && entry.name.endsWith('.ts'))
    .map(entry => join(entry.parentPath, entry.name))
}
