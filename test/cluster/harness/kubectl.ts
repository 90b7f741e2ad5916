import { setTimeout as delay } from 'node:timers/promises'
import { exec } from './exec.js'

/** What `kubectl ARGS` prints. `input` goes to its standard input, for `apply -f -`. */
export function kubectl(args: readonly string[], input?: string): Promise<string> {
  return exec('kubectl', args, { input })
}

/** What `kubectl ARGS -o json` prints, parsed. */
export async function kubectlJson<T>(args: readonly string[]): Promise<T> {
  return JSON.parse(await kubectl([...args, '-o', 'json'])) as T
}

/** Applies a manifest, as an object. */
export async function apply(manifest: object): Promise<void> {
  await kubectl(['apply', '-f', '-'], JSON.stringify(manifest))
}

/** What `helm ARGS` prints. `input` goes to its standard input, for `--values -`. */
export function helm(args: readonly string[], input?: string): Promise<string> {
  return exec('helm', args, { input })
}

/** Asks again until `probe` gives something; an Error that says what was waited for after `seconds`. */
export async function eventually<T>(
  what: string,
  probe: () => Promise<T | undefined>,
  seconds = 120,
): Promise<T> {
  const begun = Date.now()
  for (;;) {
    const answer = await probe()
    if (answer !== undefined) return answer
    const waited = Date.now() - begun
    if (waited > seconds * 1000) throw new Error(`${what}: not within ${seconds} s`)
    // Most probes are a process: what takes long need not be noticed at once.
    await delay(Math.min(100 + waited / 10, 500))
  }
}
