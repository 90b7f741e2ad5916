import t from 'tap'
import { usage } from '../../lib/commands/help.js'
import { scalars, structures } from '../../lib/config/schema.js'

t.test('the help of run tells every flag with its variable', async t => {
  const text = usage('run')
  for (const [name, { env, doc, format }] of scalars()) {
    const value = format === 'boolean' ? '[=true|false]' : ''
    t.ok(text.includes(`  --${name}${value}  (${env})\n      ${doc}`), name)
  }
  const [, inFile] = text.split('In the config file only:')
  for (const [name, { doc }] of structures()) {
    t.ok(inFile?.includes(`\n  ${name}\n      ${doc}`), name)
  }
  t.match(text, /--config FILE {2}\(JOB_SPAWNER_CONFIG\)/)
  t.match(text, /Default: 25\./)
  t.notMatch(text, /Default: null|undefined/)
})

t.test('without a verb the help tells the verbs', async t => {
  t.match(
    usage(undefined),
    /job-spawner run [^]*job-spawner sandbox [^]*job-spawner render [^]*job-spawner lint [^]*job-spawner version/,
  )
  t.equal(usage('version'), usage(undefined))
  t.match(usage('sandbox'), /no isolation/)
})

t.test('the help of render and lint tells their flags', async t => {
  for (const flag of ['--step', '--diff', '--server-dry-run', '--pod-template', '--env']) {
    t.match(usage('render'), `  ${flag} `, flag)
  }
  for (const flag of ['--kind', '--output', '--convert']) t.match(usage('lint'), `  ${flag} `, flag)
})
