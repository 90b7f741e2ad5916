import { existsSync, readdirSync, readFileSync } from 'node:fs'
import t from 'tap'
import { lint } from '../../lib/commands/lint/lint.js'
import { runCommand } from './run-command.js'

const root = new URL('../../', import.meta.url)
const pages = ['README.md', ...readdirSync(new URL('docs/', root)).map(name => `docs/${name}`)]

function textOf(page: string): string {
  return readFileSync(new URL(page, root), 'utf8')
}

// As a forge makes them: lower case, words with dashes between them, nothing else.
function anchors(markdown: string): string[] {
  const headings = [...markdown.matchAll(/^#+ (.*)$/gm)].map(match => String(match[1]))
  return headings.map(one =>
    one
      .toLowerCase()
      .replaceAll(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  )
}

t.test('whoever copies an example of the documentation copies one that lint takes', async t => {
  let examples = 0
  for (const page of pages) {
    for (const [, stdin = ''] of textOf(page).matchAll(/```yaml\n([^]*?)```/g)) {
      const { stdout, stderr } = await runCommand(lint, ['-'], { stdin })
      t.match(stderr, '0 errors, 0 warnings', `${page}: ${stdout}`)
      examples += 1
    }
  }
  t.ok(examples >= 5, `${examples} examples`)
})

t.test('every link between pages leads somewhere', async t => {
  for (const page of pages) {
    for (const [, link = ''] of textOf(page).matchAll(/\]\(([^)\s]+)\)/g)) {
      const { href, hash, protocol } = new URL(link, new URL(page, root))
      if (protocol !== 'file:') continue
      const file = new URL(href.replace(/#.*$/, ''))
      if (!t.ok(existsSync(file), `${page}: ${link}`) || hash === '') continue
      t.ok(anchors(readFileSync(file, 'utf8')).includes(hash.slice(1)), `${page}: ${link}`)
    }
  }
})
