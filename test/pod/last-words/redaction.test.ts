import fc from 'fast-check'
import t from 'tap'
import { secretNames } from '../../../lib/pod/last-words/needles.js'
import { pieceRedactor, redactor } from '../../../lib/pod/last-words/redaction.js'

// The agent's usual patterns count anyway.
const redactedVars: string[] = []

const redactValue = (value: string) => redactor({ env: { A_TOKEN: value }, redactedVars })

t.test('the values of variables whose names match are taken out, wherever they stand', async t => {
  const env = { API_TOKEN: 'hunter22', PLAIN: 'visible', SHORT_TOKEN: 'none!' }
  const redact = redactor({ env, redactedVars })
  t.equal(redact('hunter22'), '[REDACTED]')
  t.equal(redact('a=hunter22;b=hunter22'), 'a=[REDACTED];b=[REDACTED]')
  t.equal(redact('visible none! hunter2'), 'visible none! hunter2')
  t.equal(redact(''), '')
})

t.test('a value is as long as the agent says: six bytes', async t => {
  t.equal(redactValue('12345')('12345'), '12345')
  t.equal(redactValue('123456')('123456'), '[REDACTED]')
  t.equal(redactValue('äöü')('äöü'), '[REDACTED]')
})

t.test('values that overlap, or repeat into each other, become one', async t => {
  const redact = redactor({ env: { A_TOKEN: 'abcdef', B_TOKEN: 'defghi' }, redactedVars })
  t.equal(redact('<abcdefghi>'), '<[REDACTED]>')
  t.equal(redact('<abcdefdefghi>'), '<[REDACTED][REDACTED]>', 'beside each other they are two')
  t.equal(redactValue('ababab')('<abababab>'), '<[REDACTED]>')
})

t.test('a value of several lines is found as terminals, echo and set -x print it', async t => {
  const redact = redactValue('-----BEGIN KEY-----\n  abc\n\ndef\n-----END KEY-----\n')
  const mark = 'key: [REDACTED].'
  t.equal(redact('key: -----BEGIN KEY-----\r\n  abc\r\n\r\ndef\r\n-----END KEY-----.'), mark)
  t.equal(redact('key: -----BEGIN KEY----- abc def -----END KEY-----.'), mark)
  t.equal(redact('key: -----BEGIN KEY-----\\n  abc\\n\\ndef\\n-----END KEY-----\\n.'), mark)
})

t.test('a value with quotes is found where something quotes it', async t => {
  t.equal(redactValue('pa"ss\\word')('"pa\\"ss\\\\word"'), '"[REDACTED]"')
})

t.test(
  'the literal variables of the pod count, as written and as the container gets them',
  async t => {
    const container = {
      name: 'db',
      env: [
        { name: 'PW', value: 'correct-horse' },
        { name: 'DB_CONNECTION_STRING', value: 'pg://u:$(PW)@db' },
        { name: 'X_PASSWORD', value: 'cash$$flow' },
        { name: 'Y_PASSWORD', value: '$(LATER)-and-$(UNKNOWN)' },
        { name: 'LATER', value: 'x' },
        { name: 'FROM_TOKEN', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } },
      ],
    }
    const redact = redactor({
      podSpec: { initContainers: [container], containers: [] },
      redactedVars,
    })
    t.equal(redact('to pg://u:correct-horse@db'), 'to [REDACTED]')
    t.equal(redact('"pg://u:$(PW)@db" is denied'), '"[REDACTED]" is denied')
    t.equal(redact('cash$flow, cash$$flow'), '[REDACTED], [REDACTED]')
    t.equal(redact('$(LATER)-and-$(UNKNOWN)'), '[REDACTED]', 'what the kubelet leaves is left')
    t.equal(redact('correct-horse'), 'correct-horse', 'the name PW matches nothing')
  },
)

t.test("the patterns that the pod's agent is given count, too", async t => {
  const env = [{ name: 'BUILDKITE_REDACTED_VARS', value: '*_PIN, MY_?' }]
  const podSpec = { containers: [{ name: 'agent', env }] }
  const redact = redactor({
    env: { CARD_PIN: '123456', MY_X: 'abcdef', PLAIN: 'visible' },
    podSpec,
  })
  t.equal(redact('123456 abcdef visible'), '[REDACTED] [REDACTED] visible')
})

t.test("patterns are Go's path.Match", async t => {
  const matches = (pattern: string, name: string) => secretNames([pattern])(name)
  t.ok(matches('*_TOKEN', 'A_B_TOKEN'))
  t.ok(matches('*_TOKEN', '_TOKEN'))
  t.notOk(matches('*_TOKEN', 'A_TOKENS'))
  t.notOk(matches('*_TOKEN', 'a/b_TOKEN'), 'a star stops at a slash')
  t.ok(matches('A?C', 'ABC'))
  t.ok(matches('A[BX-Z]C', 'AYC'))
  t.notOk(matches('A[^B]C', 'ABC'))
  t.ok(matches('A[^B]C', 'AXC'))
  t.ok(matches('A.C', 'A.C'))
  t.notOk(matches('A.C', 'ABC'))
  t.ok(matches('A\\*', 'A*'))
  t.notOk(matches('A\\*', 'AB'))
  for (const odd of ['[', 'A[', '[]', '[^]', '[z-a]', 'a{2}(']) {
    t.ok(matches(odd, odd), `${odd} stands for itself`)
  }
})

t.test('of a piece, what it begins and ends with may be a part of a value', async t => {
  const key = '-----BEGIN KEY-----\nabcdefgh\nijklmnop\n-----END KEY-----'
  const redact = pieceRedactor({
    env: { A_TOKEN: 'hunter22-and-more', KEY_TOKEN: key },
    redactedVars,
  })
  t.equal(redact('and-more\nfine'), '[REDACTED]\nfine')
  t.equal(redact('fine\nhunter22-a'), 'fine\n[REDACTED]')
  t.equal(redact('ijklmnop\n-----END KEY-----\nfine'), '[REDACTED]\nfine')
  t.equal(redact('fine: -----BEGIN KEY-----\r\nabcd'), 'fine: [REDACTED]')
  t.equal(redact('  efgh\nijkl  \n'), '  [REDACTED]  \n', 'the middle of a value')
  t.equal(redact('ore and huh'), 'ore and huh', 'three characters tell little')
})

const words = fc.stringMatching(/^[a-zA-Z0-9$"\\ \n-]{0,30}$/)
const secrets = fc
  .oneof(
    fc.stringMatching(/^[a-c]{6,10}$/),
    fc.stringMatching(/^[a-zA-Z0-9$"\\/+=\n\t -]{6,60}$/),
    fc.string({ minLength: 6, maxLength: 20, unit: 'grapheme' }),
  )
  .filter(secret => secret.trim().length >= 6)

t.test('no value of six characters or more is left, whatever stands around it', async () => {
  const texts = fc.tuple(fc.array(secrets, { minLength: 1, maxLength: 3 }), fc.array(words))
  fc.assert(
    fc.property(texts, fc.array(fc.nat()), ([values, parts], picks) => {
      const text = parts
        .flatMap((part, i) => [part, values[(picks[i] ?? 0) % values.length]])
        .join('')
      const env = Object.fromEntries(values.map((value, i) => [`S${i}_TOKEN`, value]))
      const left = redactor({ env, redactedVars })(text).split('[REDACTED]')
      return values.every(value => left.every(piece => !piece.includes(value)))
    }),
  )
})

t.test('a text without values stays as it is', async () => {
  fc.assert(fc.property(fc.string(), text => redactValue('no-such-value-here')(text) === text))
})
