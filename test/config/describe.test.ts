import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Ajv } from 'ajv'
import t from 'tap'
import { stringify } from 'yaml'
import { configJsonSchema, configTable } from '../../lib/config/describe.js'
import { loadConfig } from '../../lib/config/load.js'
import {
  options,
  scalars,
  structures,
  type Option,
  type OptionName,
} from '../../lib/config/schema.js'
import { examples } from './examples.js'
import { isProblem } from '../../lib/errors.js'

const validate = new Ajv({ strict: true, allowUnionTypes: true }).compile(configJsonSchema())
const all = Object.entries(options) as [OptionName, Option][]

t.test('the table has one row for each setting, and one for --config', async t => {
  const [head, rule, ...rows] = configTable().split('\n')
  t.equal(head, '| flag | environment | default | what it does |')
  t.equal(rule, '| --- | --- | --- | --- |')
  t.same(
    rows.map(row => row.split(' | ')[0]),
    [
      ...scalars().map(([name]) => `| \`--${name}\``),
      ...structures().map(([name]) => `| \`${name}\``),
      '| `--config`',
    ],
  )
  for (const [name] of structures()) {
    t.ok(
      rows.some(row => row.startsWith(`| \`${name}\` | config file only |`)),
      name,
    )
  }
  for (const [name, option] of scalars()) {
    const row = rows.find(text => text.startsWith(`| \`--${name}\` |`)) ?? ''
    t.ok(row.includes(`\`${option.env}\``), `${name} names its variable`)
    t.equal(row.split(/(?<!\\)\|/).length, 6, `${name} has four cells`)
  }
})

t.test('a default reads as the value, or as words where the value says nothing', async t => {
  const rows = configTable().split('\n')
  const cell = (name: OptionName) =>
    rows.find(row => row.startsWith(`| \`--${name}\` |`))?.split(' | ')[2]
  t.equal(cell('max-in-flight'), '`25`')
  t.equal(cell('tags'), '`queue=bk-operator`')
  t.equal(cell('token-file'), 'unset')
  t.equal(cell('name'), 'host name, then -%i')
})

t.test('the schema describes every key of the config file, and no other', async t => {
  const { properties } = configJsonSchema() as { properties: Record<string, object> }
  t.same(Object.keys(properties), Object.keys(options))
  for (const [name, option] of all) t.match(properties[name], { description: option.doc })
  t.notOk(validate({ 'max-inflight': 3 }))
})

t.test('keys that are left out of the schema are refused by it', async t => {
  const narrow = new Ajv({ allowUnionTypes: true }).compile(
    configJsonSchema(['token', 'token-file']),
  )
  t.ok(narrow({ namespace: 'jobs' }))
  t.notOk(narrow({ token: 'x' }))
  t.notOk(narrow({ 'token-file': '/x' }))
})

t.test('every default fits its own schema', async t => {
  const defaults = all
    .filter(([, option]) => option.default !== null && option.default !== '')
    .map(([name, option]) => [name, option.default])
  t.ok(validate(Object.fromEntries(defaults)), JSON.stringify(validate.errors))
})

t.test('the schema and the program agree on what a value may look like', async t => {
  const cases: [OptionName, unknown, boolean][] = [
    ['endpoint', 'http://127.0.0.1:1', true],
    ['endpoint', 'ftp://example.org', false],
    ['tags', ['queue=a', 'os=linux'], true],
    ['tags', 'queue=a,os=linux', true],
    ['tags', ['queue'], false],
    ['tags', [], false],
    ['name', 'x-%i', true],
    ['name', '', false],
    ['max-in-flight', 3, true],
    ['max-in-flight', 0, false],
    ['max-in-flight', 1.5, false],
    ['namespace', 'jobs-1', true],
    ['namespace', 'Jobs', false],
    ['ledger-namespace', 'ledger', true],
    ['ledger-namespace', '-ledger', false],
    ['gateway-listen', ':8480', true],
    ['gateway-listen', '[::]:8480', true],
    ['gateway-listen', '8480', false],
    ['gateway-url', 'http://gateway:8480', true],
    ['gateway-url', 'gateway:8480', false],
    ['gateway-address', 'host', false],
    ['lease-duration', '15s', true],
    ['lease-duration', '15', false],
    ['lease-duration', '60s', true],
    ['lease-duration', '1m', true],
    ['lease-duration', '3000ms', true],
    ['lease-duration', '2s', false],
    ['lease-duration', '61s', false],
    ['lease-duration', '5m', false],
    ['allow-other-builds', true, true],
    ['allow-other-builds', 'yes', false],
    ['job-ttl', '90s', true],
    ['job-ttl', '10 m', true],
    ['job-ttl', 'soon', false],
    ['metrics-listen', '127.0.0.1:0', true],
    ['metrics-listen', '9216', false],
    ['max-hold-on-failure', '0s', true],
    ['max-hold-on-failure', '10', false],
    ['pod-pending-timeout', '15m', true],
    ['pod-pending-timeout', '0s', false],
    ['empty-job-grace-period', '00m', false],
    ['image-pull-backoff-grace-period', '0s', true],
    ['container-start-timeout', '0s', true],
    ['container-start-timeout', 'soon', false],
    ['image-pull-policy', 'Never', true],
    ['image-pull-policy', 'never', false],
    ['log-level', 'debug', true],
    ['log-level', 'loud', false],
    ['job-prefix', 'ci-', true],
    ['job-prefix', '-ci', false],
    ['job-prefix', 'a'.repeat(21), false],
    ['job-active-deadline-seconds', 1, true],
    ['job-active-deadline-seconds', 0, false],
    ['image-check', true, true],
    ['image-check', 'yes', false],
    ['image-check-pull-policy', 'Always', true],
    ['image-check-pull-policy', 'always', false],
    ['image-check-container-cpu-limit', 1, true],
    ['image-check-container-cpu-limit', '1,5', false],
    ['image-check-container-memory-limit', '1Gi', true],
    ['image-check-container-memory-limit', 'much memory', false],
    ['workspace-mount-sub-path-expr', '$(POD_NAME)/x', true],
    ['workspace-mount-sub-path-expr', '/x', false],
    ['workspace-mount-sub-path-expr', 'x/../..', false],
    ['additional-redacted-vars', ['A', '*_B'], true],
    ['additional-redacted-vars', 'A,B', true],
    ['additional-redacted-vars', ['A B'], false],
    ['agent-config', { 'no-pty': 'true' }, false],
    ['agent-config', [], false],
    ['default-checkout-params', { gitMirrors: { path: 'relative' } }, false],
    ['default-command-params', { interposer: 'shell' }, false],
    ['default-sidecar-params', { envFrom: {} }, false],
    ['default-metadata', { labels: { a: 1 } }, false],
    ['resource-classes', { small: { resources: {} } }, false],
    ['workspace-volume', 'scratch', false],
    ['pod-spec-patch', [], false],
    ...structures().map(([name]): [OptionName, unknown, boolean] => [name, examples[name], true]),
  ]
  const folder = mkdtempSync(join(tmpdir(), 'describe-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  for (const [name, value, good] of cases) {
    const what = `${name}: ${JSON.stringify(value)}`
    t.equal(validate({ [name]: value }), good, `schema: ${what}`)
    t.equal(loads(join(folder, 'config.yaml'), { [name]: value }), good, `program: ${what}`)
  }
})

function loads(file: string, settings: object): boolean {
  writeFileSync(file, stringify(settings))
  try {
    loadConfig(['--config', file], { BUILDKITE_AGENT_TOKEN: 'x' })
    return true
  } catch (error) {
    if (isProblem(error, 'CONFIG_INVALID')) return false
    throw error
  }
}
