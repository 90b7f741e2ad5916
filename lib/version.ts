import { readFileSync } from 'node:fs'

const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string
}

/** This program's version, as its package says. */
export const version = manifest.version

/** The version of the buildkite-agent whose protocol we speak, and which `--agent-image` pins by default. */
export const agentVersion = '3.137.0'
