import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv } from 'ajv'
import t from 'tap'
import { parse } from 'yaml'
import { loadPodConfig } from '../../lib/config/load.js'
import { options, structures, type Option, type OptionName } from '../../lib/config/schema.js'
import { version } from '../../lib/version.js'
import { examples } from '../config/examples.js'

interface Values {
  agentToken: string
  config: Record<string, unknown>
  [other: string]: unknown
}

interface ValuesSchema {
  properties: Record<string, { properties?: Record<string, unknown> }>
}

const chart = new URL('../../helm/job-spawner/', import.meta.url)
const valuesText = readFileSync(new URL('values.yaml', chart), 'utf8')
const values = parse(valuesText) as Values
const schema = JSON.parse(
  readFileSync(new URL('values.schema.json', chart), 'utf8'),
) as ValuesSchema
const validate = new Ajv({ strict: true, allowUnionTypes: true }).compile(schema)

t.test('the values of the chart fit its schema, and every one is in it', async t => {
  t.ok(validate(values), JSON.stringify(validate.errors))
  const known = Object.keys(schema.properties).filter(name => name !== 'global')
  t.same(Object.keys(values).toSorted(), known.toSorted())
})

t.test(
  "config takes the program's settings, without the token, kubeconfigs and the chart's own Service",
  async t => {
    const cluster = ['kubeconfig', 'context', 'gateway-service', 'gateway-address']
    const left = ['token', 'token-file', ...cluster]
    t.same(
      Object.keys(schema.properties['config']?.properties ?? {}),
      Object.keys(options).filter(name => !left.includes(name)),
    )
    for (const key of [...left, 'max-inflight']) {
      t.notOk(validate({ ...values, config: { [key]: 'x' } }), key)
    }
  },
)

t.test('config takes each structured setting, and refuses what the program would', async t => {
  const fits = (config: object) => validate({ ...values, config: { ...values.config, ...config } })
  for (const [name] of structures()) {
    t.ok(fits({ [name]: examples[name] }), `${name}: ${JSON.stringify(validate.errors)}`)
    t.notOk(fits({ [name]: 'text' }), name)
  }
  t.notOk(fits({ 'agent-config': { hookspath: '/x' } }), 'an unknown key inside')
  t.notOk(fits({ 'resource-classes': { small: { resources: {} } } }), 'in a named one')
})

t.test('the schema needs nothing beside it', async t => {
  const references = [...JSON.stringify(schema).matchAll(/"\$ref":"([^"]*)"/g)]
  t.ok(references.length > 0)
  for (const [, reference] of references) t.match(reference, /^#/)
})

t.test("what values.yaml says of config is what the program's defaults say", async t => {
  for (const [name, value] of Object.entries(values.config)) {
    t.same(value, (options[name as OptionName] as Option).default, name)
  }
})

t.test('the settings that values.yaml only shows are settings', async t => {
  const block = /^config:\n(?:(?:  .*)?\n)*/m.exec(valuesText)?.[0] ?? ''
  const shown = [...block.matchAll(/^ +# ([a-z-]+): \S+$/gm)].map(match => match[1])
  t.ok(shown.length > 0)
  for (const name of shown) t.ok(String(name) in options, String(name))
})

t.test('the examples of structured settings in values.yaml are good ones', async t => {
  const block = /^config:\n(?:(?:  .*)?\n)*/m.exec(valuesText)?.[0] ?? ''
  const [, ...parts] = block.split(/^  #$/m)
  t.equal(parts.length, 2)
  const file = join(t.testdir(), 'c.yaml')
  const shown = parts
    .join('')
    .replaceAll(/^  # [A-Z].*$/gm, '')
    .replaceAll(/^  # /gm, '')
  writeFileSync(file, shown)
  t.match(loadPodConfig(['--config', file], {}), {
    resourceClasses: { large: { nodeSelector: { pool: 'large' } } },
    defaultResourceClassName: 'small',
    podSpecPatch: { serviceAccountName: 'ci' },
  })
})

t.test("the chart's appVersion is the program's version", async t => {
  const { appVersion } = parse(readFileSync(new URL('Chart.yaml', chart), 'utf8')) as {
    appVersion: string
  }
  t.equal(appVersion, version)
})
