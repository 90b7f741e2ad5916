import t from 'tap'
import { exitStatus } from '../../lib/commands/sandbox.js'

type Build = Parameters<typeof exitStatus>[0]

function build(state: string, ...statuses: (number | undefined)[]): Build {
  const jobs = statuses.map(status => ({ exitStatus: status, passed: status === 0 }))
  return { state, jobs } as unknown as Build
}

t.test("the sandbox ends with the build's exit status", async t => {
  const table: [Build, number][] = [
    [build('passed', 0, 0), 0],
    [build('failed', 0, 7, 9), 7],
    [build('failed', 255), 255],
    [build('failed', -1), 1],
    [build('failed', 256), 1],
    [build('failed', undefined), 1],
    [build('canceled', 0), 1],
    [build('canceled'), 1],
  ]
  for (const [given, status] of table) t.equal(exitStatus(given), status, JSON.stringify(given))
})

t.test('a job that failed softly is not what failed the build', async t => {
  const soft = { exitStatus: 5, passed: true }
  const hard = { exitStatus: 6, passed: false }
  t.equal(exitStatus({ state: 'failed', jobs: [soft, hard] } as unknown as Build), 6)
  t.equal(exitStatus({ state: 'passed', jobs: [soft] } as unknown as Build), 0)
})
