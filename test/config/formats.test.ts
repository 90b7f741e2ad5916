import convict from 'convict'
import t from 'tap'
import { addFormats, listenAddress } from '../../lib/config/formats.js'

addFormats()

/** The typed value that a format makes of a raw one, or the Error's message. */
function taken(format: string, value: unknown): unknown {
  const config = convict<Record<string, unknown>>(
    { value: { doc: '', format, default: null } },
    { env: {}, args: [] },
  )
  try {
    config.set('value', value)
    config.validate({ allowed: 'strict' })
  } catch (error) {
    return error
  }
  return config.get('value')
}

t.test('each format takes what it says, and makes the typed value of it', async t => {
  const table: [string, unknown, unknown][] = [
    ['required-text', 'a', 'a'],
    ['optional-text', null, null],
    ['tags', 'queue=a, os=linux', ['queue=a', 'os=linux']],
    ['tags', 'x=y=z', ['x=y=z']],
    ['positive-int', '25', 25],
    ['positive-int', 3, 3],
    ['http-url', 'https://agent.example/v3', 'https://agent.example/v3'],
    ['optional-http-url', null, null],
    ['namespace', 'jobs-1', 'jobs-1'],
    ['optional-namespace', null, null],
    ['duration', '90s', 90_000],
    ['duration', ' 10m ', 600_000],
    ['duration', '1h', 3_600_000],
    ['duration', '0s', 0],
    ['positive-duration', '15m', 900_000],
    ['lease-duration', '3s', 3_000],
    ['lease-duration', '1m', 60_000],
    ['optional-ip', '10.0.0.7', '10.0.0.7'],
    ['optional-ip', 'fd00::7', 'fd00::7'],
    ['optional-ip', null, null],
    ['listen-address', '[::1]:80', '[::1]:80'],
    ['boolean', 'true', true],
    ['boolean', 'false', false],
    ['boolean', true, true],
    ['quantity', '200m', '200m'],
    ['quantity', '1.5', '1.5'],
    ['quantity', '128Mi', '128Mi'],
    ['quantity', '1e3', '1e3'],
    ['job-prefix', '0ci-', '0ci-'],
    ['sub-path', null, null],
    ['sub-path', 'a..b/$(C)', 'a..b/$(C)'],
    ['words', 'A, *_B', ['A', '*_B']],
    ['words', '', []],
    ['words', null, null],
    ['structure', null, null],
  ]
  for (const [format, raw, value] of table) {
    t.strictSame(taken(format, raw), value, `${format}: ${JSON.stringify(raw)}`)
  }
})

t.test('each format refuses what it can not use', async t => {
  const table: [string, unknown[]][] = [
    ['required-text', ['', null, 5]],
    ['optional-text', ['', 5]],
    ['tags', ['queue', '', [], ['queue='], [1], 'a b=c', '=x']],
    ['positive-int', ['0', '-1', '1.5', '1e3', 'ten', 0, 1.5, null]],
    ['http-url', ['ftp://x', 'agent.example', '', null, 'https://me:pass@agent.example']],
    ['optional-http-url', ['x', 5, 'http://me@agent.example']],
    ['namespace', ['Jobs', '-a', 'a-', 'a.b', 'a'.repeat(64), '', null]],
    ['optional-namespace', ['Jobs', '']],
    ['duration', ['90', '-5m', 'soon', '5 parsecs', '', null]],
    ['positive-duration', ['0s', '0 m', '15', '-5m', 'soon', null]],
    ['lease-duration', ['2s', '61s', '10', 'soon']],
    ['optional-ip', ['x', '10.0.0', 'host:80', '']],
    ['boolean', ['yes', '1', 'TRUE', '', 1, null]],
    ['quantity', ['0', '-1', '1 Gi', '1GB', 'x', '', '.', null]],
    ['job-prefix', ['', '-a', 'A', 'a.b', 'a'.repeat(21), null]],
    ['sub-path', ['', '/a', '..', 'a/../b', 5]],
    ['words', ['A B', 'A,,B', [''], 5]],
    ['structure', [['text'], [['list']], [null]]],
    ['listen-address', ['8480', 'a:b', 'host:65536', 'a b:1', '::1:80', '']],
  ]
  for (const [format, values] of table) {
    for (const value of values) {
      t.type(taken(format, value), Error, `${format}: ${JSON.stringify(value)}`)
    }
  }
})

t.test('an address to listen on has a host and a port', async t => {
  t.same(listenAddress('127.0.0.1:0'), { host: '127.0.0.1', port: 0 })
  t.same(listenAddress(':8480'), { host: '0.0.0.0', port: 8480 })
  t.same(listenAddress('[::]:8480'), { host: '::', port: 8480 })
  t.equal(listenAddress('localhost'), undefined)
})
