import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import t from 'tap'
import { compile, compiledOf } from './compile.js'

t.test('what is compiled reads files as if it stood where its source stands', async t => {
  const source = `export const here: string = import.meta.url`
  const root = `${t.testdir({ lib: { 'a.ts': source }, test: { b: { 'c.test.ts': source } } })}/`
  await compile(root, join(root, 'compiled'))
  for (const file of [join(root, 'lib/a.ts'), join(root, 'test/b/c.test.ts')]) {
    const compiled = compiledOf(root, join(root, 'compiled'), file)
    t.match(readFileSync(compiled, 'utf8'), JSON.stringify(pathToFileURL(file).href))
    const { here } = (await import(pathToFileURL(compiled).href)) as { here: string }
    t.equal(here, pathToFileURL(file).href)
  }
})
