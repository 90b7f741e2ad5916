import t from 'tap'
import { logs } from '../harness/builds.js'
import { jobImage } from './harness/env.js'
import { buildShellLessImage, shellLessImage } from './harness/job-images.js'
import { onlyJob, printed, stepWith } from './harness/steps.js'
import { startWorld } from './harness/world.js'

// What runs in a command container, for each way to write it.

t.jobs = 4
const world = await startWorld(t, { maxInFlight: 4 })
await buildShellLessImage()

// Prints its arguments, each to the byte.
const printArguments = 'printf "%s\\0" "$@" | base64 -w 0; echo'
const oddWords = ['a b', `it's "quoted"`, '$HOME `x` \\n', 'déjà vu – 漢字', 'two\nlines', '', '*']

function wordsOf(line: string | undefined): string[] {
  return Buffer.from(line ?? '', 'base64')
    .toString()
    .split('\0')
    .slice(0, -1)
}

t.test(
  'the buildkite interposer runs each command as a line, and quotes the args of the last',
  { buffered: true },
  async t => {
    const container = {
      image: jobImage,
      command: ['X="one  word"', 'echo "first: $X"', `sh -c '${printArguments}' sh`],
      args: oddWords,
    }
    const build = await world.run(stepWith({ podSpec: { containers: [container] } }))
    t.equal(build.state, 'passed', logs(build))
    const log = printed(onlyJob(build))
    t.ok(log.includes('first: one  word'), 'both lines ran, in one shell')
    t.same(wordsOf(log.find(line => /^[A-Za-z0-9+/]{40,}=*$/.test(line))), oddWords)
  },
)

t.test(
  'the vector interposer runs command and args as one command, each word as it was written',
  { buffered: true },
  async t => {
    const podSpec = {
      containers: [
        { image: jobImage, command: ['sh', '-c', printArguments], args: ['sh', ...oddWords] },
      ],
    }
    const build = await world.run(stepWith({ podSpec, commandParams: { interposer: 'vector' } }))
    t.equal(build.state, 'passed', logs(build))
    const line = printed(onlyJob(build)).find(one => /^[A-Za-z0-9+/]{40,}=*$/.test(one))
    t.same(wordsOf(line), oddWords)
  },
)

t.test(
  'the legacy interposer joins command and args by spaces, for the shell to read',
  { buffered: true },
  async t => {
    const container = {
      image: jobImage,
      command: ['echo', '"two   words"', '&&', 'echo'],
      args: ['of the shell:', '$OWN'],
      env: [{ name: 'OWN', value: 'its own' }],
    }
    const build = await world.run(
      stepWith({ podSpec: { containers: [container] }, commandParams: { interposer: 'legacy' } }),
    )
    t.equal(build.state, 'passed', logs(build))
    const log = printed(onlyJob(build))
    t.ok(log.includes('two   words') && log.includes('of the shell: its own'), logs(build))
  },
)

t.test(
  'the exec interposer runs one process without a shell, in an image that has none',
  { buffered: true },
  async t => {
    const container = {
      image: shellLessImage,
      command: ['/app', 'a b', '$HOME'],
      args: oddWords,
      env: [
        { name: 'GREETING', value: 'from the podSpec' },
        { name: 'STATUS', value: '6' },
      ],
    }
    const build = await world.run(
      stepWith({ podSpec: { containers: [container] }, commandParams: { interposer: 'exec' } }),
    )
    const job = onlyJob(build)
    t.match(job, { exitStatus: 6, finishCount: 1 }, job.log)
    const log = printed(job)
    t.ok(log.includes(`argv: ${JSON.stringify(['/app', 'a b', '$HOME', ...oddWords])}`), job.log)
    t.ok(log.includes('GREETING: "from the podSpec"'), 'with the variables of the podSpec')
    t.ok(log.includes(`BUILDKITE_JOB_ID: "${job.id}"`), 'and with those of the job')
  },
)

t.test('a command of 96 KiB runs', { buffered: true }, async t => {
  const long = 'é'.repeat(48 * 1024)
  const build = await world.run(
    JSON.stringify({
      steps: [
        { image: jobImage, command: `printf '%s' '${long}' | wc -c\necho to the end` },
        {
          plugins: [
            {
              kubernetes: {
                podSpec: {
                  containers: [
                    { image: jobImage, command: [`printf '%s' '${long}' | wc -c`, 'echo podSpec'] },
                  ],
                },
              },
            },
          ],
        },
      ],
    }),
  )
  t.equal(build.state, 'passed', tailOf(build.jobs[0]?.log) + tailOf(build.jobs[1]?.log))
  for (const [index, end] of ['to the end', 'podSpec'].entries()) {
    const job = build.jobs[index]
    t.ok(job && printed(job).includes(String(96 * 1024)), 'every byte of it')
    t.ok(job && printed(job).includes(end), 'and what comes after it')
  }
})

t.test(
  'a command that no process can be given fails with a clear error',
  { buffered: true },
  async t => {
    const command = `printf '%s' '${'x'.repeat(160 * 1024)}' | wc -c`
    const build = await world.run(JSON.stringify({ steps: [{ image: jobImage, command }] }))
    const job = onlyJob(build)
    t.match(job, { state: 'finished', finishCount: 1 })
    t.not(job.exitStatus, 0)
    t.match(job.log, /too long|128 KiB|131072|argument list/i, tailOf(job.log))
  },
)

t.test(
  'an environment of 1 MiB arrives, or the job says that it is too much',
  { buffered: true },
  async t => {
    const env = Object.fromEntries(
      Array.from({ length: 256 }, (_, n) => [`LARGE_${n}`, `${n}-`.padEnd(4096, 'x')]),
    )
    const command = 'env | grep -c ^LARGE_; echo "last: $(printf %s "$LARGE_255" | wc -c)"'
    const build = await world.run(JSON.stringify({ steps: [{ image: jobImage, env, command }] }))
    const job = onlyJob(build)
    t.match(job, { state: 'finished', finishCount: 1 })
    if (job.exitStatus === 0) {
      const log = printed(job)
      t.ok(log.includes('256') && log.includes('last: 4096'), tailOf(job.log))
    } else {
      t.match(job.log, /too (long|large|big)|argument list/i, tailOf(job.log))
    }
  },
)

function tailOf(log = ''): string {
  return log.slice(-2000)
}
