// Writes what follows from other files: lib/types/*.ts from schemas/*.json; the chart's values.schema.json and the
// README's table of settings from lib/config/schema.ts (as built). For developers; `--check` fails when a file would
// change. `--openapi FILE` renews schemas/kubernetes.json from what `kubectl get --raw /openapi/v2` printed into FILE.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { compile } from 'json-schema-to-typescript'
import { format, resolveConfig } from 'prettier'
import { notInChart } from '../dist/commands/lint/values-file.js'
import { configJsonSchema, configTable } from '../dist/config/describe.js'
import { kubernetesSchema, mergeTable } from './kubernetes-shapes.js'

const root = new URL('../', import.meta.url)
const check = process.argv.includes('--check')
const stale = []

await kubernetes()
await types()
await valuesSchema()
await readme()

if (check && stale.length > 0) {
  process.stderr.write(`stale: ${stale.join(', ')}; run \`npm run generate\`\n`)
  process.exitCode = 1
}

async function kubernetes() {
  const path = 'schemas/kubernetes.json'
  const file = process.argv[process.argv.indexOf('--openapi') + 1]
  if (process.argv.includes('--openapi')) {
    const schema = kubernetesSchema(JSON.parse(readFileSync(file, 'utf8')))
    keep(path, await pretty(path, JSON.stringify(schema)))
  }
  keep('lib/types/kubernetes-merge.ts', mergeTable(JSON.parse(read(path))))
}

async function types() {
  for (const file of readdirSync(new URL('schemas/', root)).toSorted()) {
    const name = file.replace(/\.json$/, '')
    // Kubernetes' own shapes have their types in its client.
    if (name === 'kubernetes') continue
    const imports = new Set()
    const schema = withKubernetesTypes(JSON.parse(read(`schemas/${file}`)), imports)
    const banner = `// Generated from schemas/${file} by \`npm run generate\`. Do not edit.`
    const text = await compile(schema, name, {
      additionalProperties: false,
      cwd: fileURLToPath(new URL('schemas/', root)),
      declareExternallyReferenced: false,
      bannerComment: [banner, ...imports].join('\n'),
      style: { semi: false, singleQuote: true, printWidth: 100 },
    })
    keep(`lib/types/${name}.ts`, text)
  }
}

async function valuesSchema() {
  const own = JSON.parse(read('helm/values.own.schema.json'))
  const properties = { config: configJsonSchema(notInChart), ...own.properties }
  const path = 'helm/job-spawner/values.schema.json'
  keep(path, await pretty(path, JSON.stringify({ ...own, properties })))
}

async function readme() {
  if (!existsSync(new URL('README.md', root))) return
  const old = read('README.md')
  const table = await pretty('README.md', configTable())
  const markers = /(?<=<!-- config -->\n)[^]*?(?=<!-- \/config -->)/
  if (!markers.test(old)) throw new Error('README.md has no <!-- config --> … <!-- /config -->')
  keep(
    'README.md',
    old.replace(markers, () => `\n${table}\n`),
  )
}

// As `npm run format` would leave it, so that the two never undo each other.
async function pretty(path, text) {
  const filepath = fileURLToPath(new URL(path, root))
  return format(text, { ...(await resolveConfig(filepath)), filepath })
}

function read(path) {
  return readFileSync(new URL(path, root), 'utf8')
}

function keep(path, text) {
  const url = new URL(path, root)
  const old = existsSync(url) ? readFileSync(url, 'utf8') : undefined
  if (old === text) return
  if (check) stale.push(path)
  else writeFileSync(url, text)
}

/**
 * The schema with a TypeScript type in the place of each reference to another file: Kubernetes' objects have theirs in
 * its client, the rest in the files beside this one. Adds the imports of these types to `imports`.
 */
function withKubernetesTypes(value, imports) {
  if (Array.isArray(value)) return value.map(item => withKubernetesTypes(item, imports))
  if (typeof value !== 'object' || value === null) return value
  if (typeof value.$ref !== 'string' || value.$ref.startsWith('#')) {
    const entries = Object.entries(value)
    return Object.fromEntries(entries.map(([key, one]) => [key, withKubernetesTypes(one, imports)]))
  }
  const [file, definition] = value.$ref.split('#/definitions/')
  if (definition === 'PodSpecPatch') return { tsType: 'Record<string, unknown>' }
  if (definition !== undefined) {
    imports.add(`import type { V1${definition} } from '@kubernetes/client-node'`)
    return { tsType: `V1${definition}` }
  }
  const { title } = JSON.parse(read(`schemas/${file}`))
  imports.add(`import type { ${title} } from './${file.replace(/json$/, 'js')}'`)
  return { tsType: title }
}
