import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Problem } from '../../errors.js'

/**
 * The path of a compiled program of this folder. From TypeScript sources, as in tests, it is the one in `dist`.
 * @throws Problem (INTERNAL) when it has not been built.
 */
export function standInProgram(name: 'main.js' | 'cli.js'): string {
  const beside = fileURLToPath(new URL(name, import.meta.url))
  if (existsSync(beside)) return beside
  const built = new URL(`../../../dist/sandbox/pod-agent/${name}`, import.meta.url)
  const path = fileURLToPath(built)
  if (existsSync(path)) return path
  throw new Problem('INTERNAL', 'the stand-in for the pod agent is not there', {
    where: path,
    hint: 'run npm run build',
  })
}
