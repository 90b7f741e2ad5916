import { execFileSync } from 'node:child_process'
import fc from 'fast-check'
import t from 'tap'
import { commandEnv, type Interposer } from '../../../lib/pod/containers/interposer.js'

const seed = Number(process.env['SEED'] ?? 20_261_121)
t.comment(`seed ${seed}`)

t.test('each interposer makes of a command and its args what it is to', async t => {
  const table: [Interposer, Record<string, string>][] = [
    ['buildkite', { BUILDKITE_COMMAND: "A\nB c d 'e f'" }],
    ['vector', { BUILDKITE_COMMAND: "A 'B c' d 'e f'" }],
    ['legacy', { BUILDKITE_COMMAND: 'A B c d e f' }],
    [
      'exec',
      {
        BUILDKITE_SHELL: '/workspace/tini-static -s -- A "B c" d',
        BUILDKITE_COMMAND: 'e f',
      },
    ],
  ]
  for (const [name, wanted] of table) {
    t.same(variables(name, ['A', 'B c'], ['d', 'e f']), wanted, name)
  }
})

t.test('lines of a script stay as they are when there are no args', async t => {
  t.same(variables('buildkite', ['make && make test', 'echo "$HOME"'], []), {
    BUILDKITE_COMMAND: 'make && make test\necho "$HOME"',
  })
})

const printable = Array.from({ length: 95 }, (_, index) => String.fromCodePoint(32 + index))
const awkward = [
  ...printable,
  ...printable.map(character => `a${character}b`),
  printable.join(''),
  '',
  'two\nlines\t',
  '#not-a-comment',
  'dir=~',
  '$(date) `date` ${HOME}',
  "'\"'",
  'größe',
]

t.test('whatever the words are, the shell sees just them', async t => {
  t.same(shellSees(awkward), awkward)
  // Many words at once, so that a few shells do.
  const words = fc.array(word(), { minLength: 1, maxLength: 200 })
  const property = fc.property(words, list => same(shellSees(list), list))
  fc.assert(property, { seed, numRuns: 20 })
})

t.test('with exec, the bootstrap splits its "shell" into just the words', async t => {
  const split = (words: readonly string[]) => {
    const shell = variables('exec', [...words, 'last'], [])['BUILDKITE_SHELL'] ?? ''
    return bootstrapSplits(shell).slice(3)
  }
  t.same(split(awkward), awkward)
  t.same(split(['a \\n b', "it's\\", '\\']), ['a \\n b', "it's\\", '\\'])
  fc.assert(
    fc.property(fc.array(word()), words => same(split(words), words)),
    { seed, numRuns: 300 },
  )
})

function word(): fc.Arbitrary<string> {
  return fc.string({
    unit: fc.constantFrom(...`abc \t\n$(){}[]'"\\\`~#*?|&;<>!=:,./-_%é漢🙂\r`),
    maxLength: 12,
  })
}

function same(found: readonly string[], wanted: readonly string[]): boolean {
  return JSON.stringify(found) === JSON.stringify(wanted)
}

function variables(interposer: Interposer, command: string[], args: string[]) {
  const pairs = commandEnv(interposer, command, args).map(({ name, value = '' }) => [name, value])
  return Object.fromEntries(pairs) as Record<string, string>
}

function shellSees(words: string[]): string[] {
  const script = variables('buildkite', [String.raw`printf '%s\0'`], words)['BUILDKITE_COMMAND']
  const seen = execFileSync('/bin/sh', ['-ec', script ?? ''], { encoding: 'utf8' })
  return seen.split('\0').slice(0, -1)
}

/** As buildkite/shellwords (1.0.1) does it: a backslash escapes in quotes of both kinds. */
function bootstrapSplits(line: string): string[] {
  const words: string[] = []
  let word: string | undefined
  let quote = ''
  const characters = [...line]
  for (let index = 0; index < characters.length; index += 1) {
    const one = characters[index] ?? ''
    if (one === '\\') word = (word ?? '') + (characters[(index += 1)] ?? '')
    else if (one === quote) quote = ''
    else if (quote === '' && (one === "'" || one === '"')) {
      quote = one
      word ??= ''
    } else if (quote === '' && /[ \t\n]/.test(one)) {
      if (word !== undefined) words.push(word)
      word = undefined
    } else word = (word ?? '') + one
  }
  if (quote !== '') throw new Error('expected closing quote')
  return word === undefined ? words : [...words, word]
}
