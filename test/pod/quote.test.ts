import { execFileSync } from 'node:child_process'
import t from 'tap'
import { commandText, shellWord } from '../../lib/pod/quote.js'

t.test('a word reads as agent-stack-k8s would write it', async t => {
  const table: [string, string][] = [
    ['', "''"],
    ['plain-1.0/x=y', 'plain-1.0/x=y'],
    ['e f', "'e f'"],
    ["it's here", String.raw`'it'\''s here'`],
    ["it's", String.raw`it\'s`],
    ['a|b', String.raw`a\|b`],
    ['$HOME', String.raw`\$HOME`],
    ['~/x', String.raw`\~/x`],
    ['a~b', 'a~b'],
  ]
  for (const [word, wanted] of table) t.equal(shellWord(word), wanted)
})

t.test('whatever the words are, the shell sees just them', async t => {
  const printable = Array.from({ length: 95 }, (_, index) => String.fromCodePoint(32 + index))
  const words = [
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
  const script = commandText([String.raw`printf '%s\0'`], words)
  const seen = execFileSync('/bin/sh', ['-ec', script], { encoding: 'utf8' })
  t.same(seen.split('\0').slice(0, -1), words)
})

t.test("a command's items are lines of a script, and the args follow the last", async t => {
  t.equal(commandText(['A', 'B c'], ['d', 'e f']), "A\nB c d 'e f'")
  t.equal(commandText(['make && make test'], []), 'make && make test')
})
