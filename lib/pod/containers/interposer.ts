import type { V1EnvVar } from '@kubernetes/client-node'
import type { CommandParams } from '../../types/command-params.js'
import { shellWord } from './quote.js'
import { tiniBinary } from './volumes.js'

/** How a container's `command` and `args` become what the agent's bootstrap runs in their place. */
export type Interposer = NonNullable<CommandParams['interposer']>

/**
 * The variables that make the bootstrap run a container's own command: BUILDKITE_COMMAND, which it hands to the shell,
 * and with `exec` also the shell, which is then no shell.
 */
export function commandEnv(
  interposer: Interposer,
  command: readonly string[],
  args: readonly string[],
): V1EnvVar[] {
  return interposers[interposer](command, args)
}

type Variables = (command: readonly string[], args: readonly string[]) => V1EnvVar[]

const interposers: Record<Interposer, Variables> = {
  buildkite: (command, args) => [commandIs([command.join('\n'), ...words(args)].join(' '))],
  vector: (command, args) => [commandIs(words([...command, ...args]).join(' '))],
  legacy: (command, args) => [commandIs([...command, ...args].join(' '))],
  // The bootstrap runs the words of the shell with the command as their last argument. With all words but the last
  // as "the shell" that is the very command, and no shell is needed in the image.
  exec: (command, args) => {
    const all = [...command, ...args]
    const shell = [tiniBinary, '-s', '--', ...all.slice(0, -1)].map(bootstrapWord).join(' ')
    return [{ name: 'BUILDKITE_SHELL', value: shell }, commandIs(all.at(-1) ?? '')]
  },
}

function commandIs(value: string): V1EnvVar {
  return { name: 'BUILDKITE_COMMAND', value }
}

function words(texts: readonly string[]): string[] {
  return texts.map(shellWord)
}

// The bootstrap splits the shell into words itself (agent: buildkite/shellwords). It reads a backslash as an escape
// in single quotes too, as no shell does. A `$(NAME)` is the kubelet's to fill in; in quotes it stays one word.
function bootstrapWord(text: string): string {
  if (/^[\w@%+=:,./-]+$/.test(text)) return text
  return `"${text.replaceAll(/["\\]/g, String.raw`\$&`)}"`
}
