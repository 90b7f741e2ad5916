import { readFileSync, readdirSync } from 'node:fs'
import t from 'tap'

// docs/pod.md tells who has a say in what; what it names must be there.

const root = new URL('../../', import.meta.url)
const text = (path: string) => readFileSync(new URL(path, root), 'utf8')
const page = text('docs/pod.md')

t.test('each key of the plugin has its row', async t => {
  const rows = page.split('\n## ').find(part => part.startsWith('The keys of the plugin')) ?? ''
  const places: [string, string][] = [
    ['', 'kubernetes-plugin'],
    ['checkout.', 'checkout-params'],
    ['commandParams.', 'command-params'],
    ['sidecarParams.', 'sidecar-params'],
    ['metadata.', 'pod-metadata'],
  ]
  const keys = places.flatMap(([prefix, file]) =>
    propertiesOf(`schemas/${file}.json`).map(key => prefix + key),
  )
  const whole = ['checkout', 'commandParams', 'sidecarParams', 'metadata']
  for (const key of keys.filter(one => !whole.includes(one))) {
    const name = key.replace(/^.*\./, '')
    const row = rows.split('\n').find(line => {
      const cell = line.split('|')[1] ?? ''
      return (
        cell.includes(`\`${key}\``) ||
        (cell.includes(key.replace(name, '')) && cell.includes(`.${name}\``))
      )
    })
    t.ok(row, key)
  }
})

t.test('each function that holds a rule is there', async t => {
  const code = ['lib/pod', 'lib/pod/containers', 'lib/pod/given']
    .flatMap(folder =>
      readdirSync(new URL(folder, root))
        .filter(file => file.endsWith('.ts'))
        .map(file => text(`${folder}/${file}`)),
    )
    .join('\n')
  const rows = page.split('\n## ').find(part => part.startsWith('Who may override what')) ?? ''
  const names = rows
    .split('\n')
    .filter(line => line.startsWith('| '))
    .slice(1)
    .flatMap(line => [...(line.split('|').at(-2) ?? '').matchAll(/`(\w+)`/g)])
    .map(([, name = '']) => name)
  t.ok(names.length > 30)
  for (const name of names) t.match(code, new RegExp(`function ${name}\\b|const ${name}\\b`), name)
})

function propertiesOf(path: string): string[] {
  const { properties } = JSON.parse(text(path)) as { properties: object }
  return Object.keys(properties)
}
