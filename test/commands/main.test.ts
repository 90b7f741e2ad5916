import t from 'tap'
import { main } from '../../lib/commands/main.js'
import { agentVersion, version } from '../../lib/version.js'

/** What `job-spawner` says to these words. */
async function said(
  t: { capture: (object: object, method: string) => () => { args: unknown[] }[] },
  ...argv: string[]
) {
  const captures = [process.stdout, process.stderr].map(stream => t.capture(stream, 'write'))
  const status = await main(argv)
  const [stdout, stderr] = captures.map(results =>
    results()
      .map(({ args }) => String(args[0]))
      .join(''),
  )
  return { status, stdout, stderr }
}

t.test('the version is ours, and that of the agent whose protocol we speak', async t => {
  for (const verb of ['version', '--version']) {
    await t.test(verb, async t => {
      const { status, stdout } = await said(t as never, verb)
      t.equal(status, 0)
      t.ok(
        stdout?.startsWith(`job-spawner ${version} `) && stdout.includes(agentVersion),
        'both are named',
      )
    })
  }
})

t.test('help is asked for in many ways; no verb at all is a mistake', async t => {
  const table: [string[], number, RegExp][] = [
    [['help'], 0, /job-spawner run/],
    [['--help'], 0, /job-spawner run/],
    [['-h'], 0, /job-spawner run/],
    [['run', '--help'], 0, /--max-in-flight/],
    [['lint', '-h'], 0, /--convert/],
    [['help', 'render'], 0, /--diff/],
    [['sandbox', '--help'], 0, /--repo/],
    [[], 2, /job-spawner run/],
  ]
  for (const [argv, expected, text] of table) {
    await t.test(argv.join(' ') || 'no verb', async t => {
      const { status, stdout } = await said(t as never, ...argv)
      t.equal(status, expected)
      t.match(stdout, text)
    })
  }
})

t.test('a verb that is none is a mistake, whatever its name', async t => {
  for (const verb of ['runn', 'constructor', 'toString', '__proto__']) {
    await t.test(verb, async t => {
      const { status, stderr } = await said(t as never, verb)
      t.equal(status, 2)
      t.match(stderr, /unknown verb\n {2}wanted: run, sandbox, render, lint, version\n/)
    })
  }
})

t.test('a problem is told in a few lines, without a stack', async t => {
  const { status, stderr } = await said(t as never, 'run', '--namespce=hunter2')
  t.equal(status, 2)
  t.match(stderr, /^job-spawner: unknown flag\n {2}where: --namespce\n[^]*did you mean --namespace/)
  t.notMatch(stderr, /hunter2| {4}at /)
})
