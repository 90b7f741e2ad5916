import t from 'tap'
import { shellWord } from '../../../lib/pod/containers/quote.js'

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
