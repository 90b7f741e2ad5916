import t from 'tap'
import { LogAssembly, withoutMarkers } from '../../../lib/sandbox/buildkite/log-assembly.js'

const marker = '\u001b_bk;t=1787300000000\u0007'

const texts: [text: string, plain: string, why: string][] = [
  [`${marker}a\n${marker}b`, 'a\nb', 'markers go'],
  ['\u001b[31mred\u001b[0m', '\u001b[31mred\u001b[0m', 'colours stay'],
  ['\u001b_bk;t=12', '\u001b_bk;t=12', 'half a marker at the end is text'],
]

for (const [text, plain, why] of texts) {
  t.test(`withoutMarkers: ${why}`, async t => t.equal(withoutMarkers(text), plain))
}

t.test(
  'text that is cut anywhere reads the same, and comes in whole characters without markers',
  async t => {
    const whole = Buffer.from(`${marker}größe → 1\n${marker}Ende €\n`)
    for (let cut = 1; cut < whole.length; cut += 1) {
      const log = new LogAssembly()
      const read = [whole.subarray(0, cut), whole.subarray(cut)].map((data, index) => {
        const addition = log.add({ sequence: index + 1, offset: index * cut, data, at: 0 })
        return addition.kind === 'added' ? addition.text : addition.kind
      })
      if (read.join('') !== 'größe → 1\nEnde €\n') t.fail(`cut at ${cut}: ${JSON.stringify(read)}`)
    }
    t.pass('every cut')
  },
)
