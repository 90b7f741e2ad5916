import { readFileSync } from 'node:fs'
import t from 'tap'
import { agentExits } from '../../../lib/pod/verdict/agent-ends.js'
import { causes, type CauseEntry, type Words } from '../../../lib/pod/verdict/causes.js'

// docs/verdicts.md tells people what the code does: each row is held against it, both ways.

const page = readFileSync(new URL('../../../docs/verdicts.md', import.meta.url), 'utf8')

const reasons: Record<Words, string> = {
  own: '',
  'never-ran': '`process_run_error`',
  stopped: '`process_run_error`, later `agent_stop`',
  cluster: '`stack_error`, later `agent_stop`',
  none: 'as reported',
}

function rows(title: string): string[][] {
  const section = page.split('\n## ').find(part => part.startsWith(title)) ?? ''
  const table = section.split('\n').filter(line => line.startsWith('| '))
  return table.slice(2).map(line =>
    line
      .split('|')
      .slice(1, -1)
      .map(cell => cell.trim()),
  )
}

t.test('each cause has its row, and each row its cause', async t => {
  const told = rows('Causes').map(([cause = '']) => cause.replaceAll('`', ''))
  t.same(told, Object.keys(causes), 'in the order of the code')
})

for (const [name = '', seen = '', says = '', exit = '', reason, fault] of rows('Causes')) {
  const cause: CauseEntry | undefined = causes[name.replaceAll('`', '') as keyof typeof causes]
  t.test(`the row of ${name} is what the code does`, async t => {
    t.equal(fault, cause?.fault)
    t.equal(reason, cause && reasons[cause.words])
    const wanted = { own: 'own', none: 'as reported' }[cause?.words as string] ?? '-1'
    t.equal(exit.split(',')[0], wanted)
    t.ok(seen !== '' && says !== '')
  })
}

t.test('each exit code of the agent is told in the same words', async t => {
  const told = rows('Exit codes of the agent')
  t.same(Object.fromEntries(told), agentExits)
})
