import t from 'tap'
import { jsonLines } from '../../lib/cluster/json-lines.js'

async function* chunks(...parts: (string | Buffer)[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield Buffer.from(part as string)
}

async function all(lines: AsyncIterable<unknown>): Promise<unknown[]> {
  const values: unknown[] = []
  for await (const value of lines) values.push(value)
  return values
}

t.test('lines come whole however the stream is cut, even within a character', async t => {
  const bytes = Buffer.from('{"a":"ä€😀"}\n\n{"b":[1,2]}\r\n')
  for (let at = 0; at <= bytes.length; at++) {
    const parts = chunks(bytes.subarray(0, at), bytes.subarray(at))
    t.same(await all(jsonLines(parts)), [{ a: 'ä€😀' }, { b: [1, 2] }], `cut at ${at}`)
  }
})

t.test('a line that is not JSON is a typed error, after the good lines before it', async t => {
  const lines = jsonLines(chunks('{"a":1}\n{"token": s3cret}\n'))
  t.same(await lines.next(), { done: false, value: { a: 1 } })
  const error = await lines.next().then(
    () => undefined,
    (thrown: Error) => thrown,
  )
  t.match(error, { name: 'ClusterError', reason: 'MalformedLine', disposition: 'retry' })
  t.notMatch(error?.message, /s3cret/)
})

t.test('an end within a line is a typed error', async t => {
  await t.rejects(all(jsonLines(chunks('{"a":1}\n{"b":'))), {
    name: 'ClusterError',
    reason: 'CutLine',
    disposition: 'retry',
  })
})
