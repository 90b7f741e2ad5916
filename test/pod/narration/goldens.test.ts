// Each case is a file in goldens/: what becomes known over time, and then the log as people read it. `npm run snap`
// writes the logs anew.
import { readFileSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { parseDocument } from 'yaml'
import { story } from '../../../lib/pod/narration/story.js'
import { nothingTold, telling } from '../../../lib/pod/narration/telling.js'
import { cases, folder, madeMs, seenAt, type Case } from './cases.js'

const all = cases()

for (const golden of all) {
  t.test(`${golden.name}: ${golden.why}`, async t => {
    const log = narrated(golden)
    if (process.env['TAP_SNAPSHOT'] === '1') keep(golden, log)
    else t.same(log, golden.log)
    const lines = Object.values(log).flat()
    for (const line of lines)
      t.match(line, /^(Kubernetes says \(\w[\w, ]*\): |Job spawner: | {2})\S/)
    for (const line of lines) t.ok(line.length < 900, 'no line is longer than people read')
    const seconds = Object.keys(log).map(Number)
    t.ok(
      seconds.every((second, index) => second >= (seconds[index - 1] ?? -5) + 10),
      'the first five seconds are silent, and ten lie between two tellings',
    )
  })
}

t.test('there are cases', async t => t.ok(all.length >= 8))

/** The log of a supervisor that looks once a second. */
function narrated(golden: Case): Record<string, string[]> {
  const log: Record<string, string[]> = {}
  let told = nothingTold
  for (let second = 0; second <= golden.lasts; second++) {
    const seen = seenAt(golden, second)
    const said = telling(story(seen), told, { waitingSinceMs: madeMs, now: seen.now })
    if (!said) continue
    told = said.told
    log[second] = said.lines
  }
  return log
}

function keep({ name }: Case, log: Record<string, string[]>): void {
  const file = new URL(`${name}.yaml`, folder)
  const document = parseDocument(readFileSync(file, 'utf8'))
  document.set('log', log)
  writeFileSync(file, document.toString({ lineWidth: 0 }))
}
