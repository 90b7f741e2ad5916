import type { V1Container, V1ContainerState, V1Pod } from '@kubernetes/client-node'
import fc from 'fast-check'
import t from 'tap'
import { lastWords, wantsLog } from '../../../lib/pod/last-words/last-words.js'

const redactedVars: string[] = []
const env = { API_TOKEN: 'hunter22' }
const died: V1ContainerState = { terminated: { exitCode: 1, reason: 'Error' } }

interface Given {
  container?: Partial<V1Container>
  state?: V1ContainerState
  lastState?: V1ContainerState
  log?: string | undefined
}

function podWith({ container, state = died, lastState }: Given): V1Pod {
  const status = { name: 'db', image: '', imageID: '', ready: false, restartCount: 0 }
  return {
    metadata: { namespace: 'jobs', name: 'buildkite-0190-x7k2p' },
    spec: { containers: [{ name: 'db', ...container }] },
    status: { containerStatuses: [{ ...status, state, ...(lastState ? { lastState } : {}) }] },
  }
}

function words(given: Given): string[] {
  return lastWords({ pod: podWith(given), container: 'db', log: given.log, env, redactedVars })
}

const wants = (given: Given) => wantsLog(podWith(given), 'db')

const ended = (message: string): V1ContainerState => ({ terminated: { exitCode: 1, message } })

t.test('the last twenty lines, without empty ones at the end', async t => {
  const log = Array.from({ length: 30 }, (_, index) => `line ${index + 1}`).join('\n')
  const lines = words({ log: `${log}\n\n` })
  t.equal(lines[0], 'The last 20 lines of container db:')
  t.same([lines[1], lines.at(-1), lines.length], ['  | line 11', '  | line 30', 21])
  t.same(words({ log: 'alone\n' }), ['The last line of container db:', '  | alone'])
  t.same(words({ log: '' }), ['Container db wrote nothing to its log.'])
})

t.test('a log opens no group and steers no terminal', async t => {
  const log = '+++ mine\r\n\u001b[31mred\u001b[0m\u001b]0;title\u0007\u001b_bk;t=5\u0007\tend\n'
  t.same(words({ log }).slice(1), ['  | +++ mine', '  | red\tend'])
})

t.test('the termination message comes first, once', async t => {
  const state = ended('disk full')
  t.same(words({ state, log: 'line\n' }), [
    'Termination message of container db:',
    '  | disk full',
    'The last line of container db:',
    '  | line',
  ])
  const same = words({ state, log: 'line\ndisk full\n' })
  t.same(same, ['The last 2 lines of container db:', '  | line', '  | disk full'])
})

t.test('both are redacted', async t => {
  const lines = words({
    state: ended('no hunter22'),
    log: 'export hunter\u001b[0m22\nter22 x\nhunt',
  })
  t.same(
    lines.filter(line => line.startsWith('  |')),
    ['  | no [REDACTED]', '  | export [REDACTED]', '  | ter22 x', '  | [REDACTED]'],
  )
})

t.test('a container that takes variables from Secrets keeps its words to itself', async t => {
  const secretKeyRef = { name: 's', key: 'k' }
  for (const container of [
    { envFrom: [{ secretRef: { name: 's' } }] },
    { env: [{ name: 'HARMLESS', valueFrom: { secretKeyRef } }] },
  ]) {
    t.notOk(wants({ container }))
    const lines = words({ container, state: ended('secret'), log: 'secret' })
    t.equal(lines.length, 1)
    t.match(lines[0], /Secrets.*kubectl logs --namespace jobs buildkite-0190-x7k2p --container db$/)
  }
})

t.test('variables from elsewhere hide nothing, unless their names say so', async t => {
  const agent = [{ name: 'BUILDKITE_REDACTED_VARS', value: '*_PIN' }]
  const configMapKeyRef = { name: 'c', key: 'k' }
  const from = (name: string) => ({ env: [...agent, { name, valueFrom: { configMapKeyRef } }] })
  t.ok(wants({ container: { envFrom: [{ configMapRef: { name: 'c' } }] } }))
  t.ok(wants({ container: { env: [{ name: 'A', valueFrom: { fieldRef: { fieldPath: 'x' } } }] } }))
  t.ok(wants({ container: from('LEVEL') }))
  t.notOk(wants({ container: from('A_TOKEN') }))
  t.notOk(wants({ container: from('A_PIN') }))
})

t.test(
  'a container that has not run has no log; why the runtime could not start it is told',
  async t => {
    t.notOk(wants({ state: { waiting: { reason: 'ContainerCreating' } } }))
    t.notOk(wantsLog(podWith({}), 'another'))
    const message = 'exec: "nope": executable file not found in $PATH'
    const state = { terminated: { exitCode: 128, reason: 'StartError', message } }
    t.notOk(wants({ state }))
    const container = { envFrom: [{ secretRef: { name: 's' } }] }
    const told = ['Termination message of container db:', `  | ${message}`]
    t.same(words({ state }), told)
    t.same(words({ state, container }), told)
  },
)

t.test(
  'a log that could not be read is to be looked for; of one that restarts the one before',
  async t => {
    t.ok(wants({ state: { running: {} } }))
    t.match(words({})[0], /could not be read.*--container db$/)
    const state = { waiting: { reason: 'CrashLoopBackOff' } }
    t.ok(wants({ state, lastState: died }))
    t.match(words({ state, lastState: died })[0], /--previous$/)
  },
)

t.test('of a log as long as we ask for the first line is none', async t => {
  const log = `${'x'.repeat(700)}\n`.repeat(100).slice(0, 64 * 1024)
  const lines = words({ log: `ter22${log.slice(5)}` })
  t.equal(lines.length, 21)
  const few = `r22 ${'x'.repeat(40_000)}\n${'y'.repeat(40_000)}\nend`
  t.notMatch(words({ log: few }).join('\n'), /r22/)
  t.match(words({ log: few }).join('\n'), /end$/)
})

t.test('a long line is cut, and says how much is missing', async t => {
  const [, line = ''] = words({ log: `begin ${'x'.repeat(5_000)} end` })
  t.match(line, /^ {2}\| begin x+ … \(\d+ characters left out\) … x+ end$/)
  t.ok(line.length < 900)
})

const values = fc
  .oneof(
    fc.stringMatching(/^[a-zA-Z0-9$"\\/+=-]{6,40}$/),
    fc.stringMatching(/^[a-z]{10,20}(\n[a-zA-Z0-9]{10,20}){1,6}\n?$/),
  )
  .filter(value => value.trim().length >= 6)

t.test('no value is in the last words, nor a part of one where the log is cut', async () => {
  const logs = fc.tuple(values, fc.array(fc.stringMatching(/^[ _.:\n]{1,8}$/), { minLength: 2 }))
  fc.assert(
    fc.property(logs, fc.nat(), fc.nat(), ([value, parts], from, length) => {
      const whole = parts.join(value)
      const start = from % whole.length
      const log = whole.slice(start, start + 1 + (length % (whole.length - start)))
      const given = { pod: podWith({ state: ended(log) }), container: 'db', log, redactedVars }
      const shown = lastWords({ ...given, env: { KEY_TOKEN: value } })
        .filter(line => line.startsWith('  | '))
        .map(line => line.slice(4))
        .join('\n')
        .replaceAll('[REDACTED]', ' ')
      // The parts between the values have no letters or digits: whatever has them is of a value.
      return shown.split(/[ _.:\n]+/).every(piece => piece.length < 4)
    }),
    { numRuns: 500 },
  )
})
