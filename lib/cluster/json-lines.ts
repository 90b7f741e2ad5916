import { StringDecoder } from 'node:string_decoder'
import { ClusterError } from './cluster-error.js'

/** More than the API server lets any object be, several times over. */
const longestLine = 32 * 1024 * 1024

/**
 * The values of a stream of newline-delimited JSON, one by one, as watches send them.
 * @throws ClusterError (retry) with reason MalformedLine, or CutLine when the stream ends within a line
 */
export async function* jsonLines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<unknown, void> {
  const decoder = new StringDecoder('utf8')
  let rest = ''
  for await (const chunk of chunks) {
    const lines = (rest + decoder.write(Buffer.from(chunk))).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) if (line.trim() !== '') yield parsed(line)
    if (rest.length > longestLine) throw fault('MalformedLine', 'a line that does not end')
  }
  if ((rest + decoder.end()).trim() !== '') throw fault('CutLine', 'the end within a line')
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    throw fault('MalformedLine', 'a line that is not JSON')
  }
}

function fault(reason: string, found: string): ClusterError {
  return new ClusterError({ reason, message: `the API server's stream is broken: ${found}` })
}
