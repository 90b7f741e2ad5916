import t from 'tap'
import { usage } from '../../lib/commands/help.js'
import { options } from '../../lib/config/schema.js'

t.test('the help of run tells every flag with its variable', async t => {
  const text = usage('run')
  for (const [name, { env, doc }] of Object.entries(options)) {
    t.ok(text.includes(`  --${name}  (${env})\n      ${doc}`), name)
  }
  t.match(text, /--config FILE {2}\(JOB_SPAWNER_CONFIG\)/)
  t.match(text, /Default: 25\./)
  t.notMatch(text, /Default: null|undefined/)
})

t.test('without a verb the help tells the verbs', async t => {
  t.match(usage(undefined), /job-spawner run [^]*job-spawner sandbox [^]*job-spawner version/)
  t.equal(usage('version'), usage(undefined))
  t.match(usage('sandbox'), /no isolation/)
})
