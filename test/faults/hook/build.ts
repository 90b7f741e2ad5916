import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import ts from 'typescript'

const sources = ['hook', 'names']

/** Compiles the hook into a folder; gives what `node --import` takes. */
export function buildHook(folder: string): string {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  for (const name of sources) {
    const path = fileURLToPath(new URL(`${name}.ts`, import.meta.url))
    const compilerOptions = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext }
    const { outputText } = ts.transpileModule(readFileSync(path, 'utf8'), { compilerOptions })
    writeFileSync(join(folder, `${name}.js`), outputText)
  }
  return pathToFileURL(join(folder, 'hook.js')).href
}
