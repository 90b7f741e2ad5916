import t from 'tap'
import { redactFor } from '../../lib/supervise/redact-for.js'

const redact = redactFor({ env: { DEPLOY_TOKEN: 's3cr3t-s3cr3t' }, redactedVars: [] }, undefined)

t.test('the signature in the address of a layer is not shown, and where it is', async t => {
  const said =
    'failed to copy: httpReadSeeker: unexpected status from GET request to ' +
    'https://layers.example/sha256/ab12?X-Amz-Credential=AKIA1&X-Amz-Signature=f00d: 403 Forbidden'
  const told = redact(said)
  t.notMatch(told, /AKIA1|f00d/)
  t.match(told, 'https://layers.example/sha256/ab12?[REDACTED]')
})

t.test('who somebody is in an address is not shown', async t => {
  const told = redact('Get "https://bob:hunter2@proxy.example:3128/v2/": EOF')
  t.equal(told, 'Get "https://[REDACTED]@proxy.example:3128/v2/": EOF')
})

t.test('an address without either stays, and so does the rest', async t => {
  const said = 'Head "https://registry.example/v2/app/manifests/1": what now? a@b\nhttp://x/y'
  t.equal(redact(said), said)
  t.equal(redact('token s3cr3t-s3cr3t'), 'token [REDACTED]')
  t.ok(redact('x'.repeat(9_000)).length < 2_000)
})
