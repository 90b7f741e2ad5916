// Runs test files with Node's own test runner, which understands tap: each in a process of its own, compiled before. What
// a loader, mocks and coverage hook into each process costs more than most of the tests do. `npx tap` runs the same
// files, for coverage and goldens.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { compile, compiledOf } from './compile.js'

const usage = `usage: node --import=tsx test/runner/main.ts [options] [file…]
  --jobs N       how many files side by side (2)
  --timeout S    how many seconds a file may take (60)
  --reporter R   one of Node's: spec (for people), tap, dot, junit
Without files: those that need neither the built program nor a cluster.`

const root = fileURLToPath(new URL('../../', import.meta.url))

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    jobs: { type: 'string', default: '2' },
    timeout: { type: 'string', default: '60' },
    reporter: { type: 'string', default: process.stdout.isTTY ? 'spec' : 'tap' },
    help: { type: 'boolean', default: false },
  },
})

// As .taprc has it.
function unitTests(): string[] {
  return readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' })
    .filter(file => file.endsWith('.test.ts') && !/^(cluster|program)\//.test(file))
    .map(file => join(root, 'test', file))
    .sort()
}

async function runAll(files: readonly string[]): Promise<number> {
  const timeout = Number(values.timeout)
  const args = [
    '--enable-source-maps',
    '--test',
    `--test-concurrency=${values.jobs}`,
    `--test-reporter=${values.reporter}`,
    '--test-reporter-destination=stdout',
    // tap ends a test that takes too long a moment before, and says what it was at.
    `--test-timeout=${(timeout + 2) * 1_000}`,
    ...files,
  ]
  const plain = values.reporter === 'spec' ? {} : { NO_COLOR: '1' }
  const env = { ...process.env, ...plain, TAP_TIMEOUT: String(timeout) }
  const child = spawn(process.execPath, args, { cwd: root, env, stdio: 'inherit' })
  const stop = (signal: NodeJS.Signals) => child.kill(signal)
  process.once('SIGINT', stop).once('SIGTERM', stop)
  const [code] = (await once(child, 'close')) as [number | null]
  return code ?? 1
}

async function main(): Promise<void> {
  if (values.help) return void process.stdout.write(`${usage}\n`)
  const files = positionals.length > 0 ? positionals.map(file => resolve(file)) : unitTests()
  mkdirSync(join(root, '.tap'), { recursive: true })
  const folder = mkdtempSync(join(root, '.tap/compiled-'))
  try {
    await compile(root, folder)
    process.exitCode = await runAll(files.map(file => compiledOf(root, folder, file)))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

await main()
