import { PassThrough } from 'node:stream'
import t from 'tap'
import { main } from '../../lib/commands/main.js'
import { agentVersion, version } from '../../lib/version.js'

/** What `job-spawner` says to these words. */
async function said(...argv: string[]) {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()]
  const status = await main(argv, { stdin, stdout, stderr })
  return { status, stdout: textIn(stdout), stderr: textIn(stderr) }
}

function textIn(stream: PassThrough): string {
  return String(stream.read() ?? '')
}

t.test('the version is ours, and that of the agent whose protocol we speak', async t => {
  for (const verb of ['version', '--version']) {
    await t.test(verb, async t => {
      const { status, stdout } = await said(verb)
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
      const { status, stdout } = await said(...argv)
      t.equal(status, expected)
      t.match(stdout, text)
    })
  }
})

t.test('a verb that is none is a mistake, whatever its name', async t => {
  for (const verb of ['runn', 'constructor', 'toString', '__proto__']) {
    await t.test(verb, async t => {
      const { status, stderr } = await said(verb)
      t.equal(status, 2)
      t.match(stderr, /unknown verb\n {2}wanted: run, sandbox, render, lint, version\n/)
      t.match(stderr, verb === 'runn' ? 'did you mean run?' : 'job-spawner --help tells what')
    })
  }
})

t.test('a problem is told in a few lines, without a stack', async t => {
  const { status, stderr } = await said('run', '--namespce=hunter2')
  t.equal(status, 2)
  t.match(stderr, /^job-spawner: unknown flag\n {2}where: --namespce\n[^]*did you mean --namespace/)
  t.notMatch(stderr, /hunter2| {4}at /)
})
