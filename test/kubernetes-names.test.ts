import t from 'tap'
import { isImageReference } from '../lib/kubernetes-names.js'

const sha256 = `sha256:${'0a'.repeat(32)}`

t.test('names that registries and kubelets take are taken', async t => {
  const good = [
    'alpine',
    'alpine:3.20',
    'library/alpine',
    'a/b/c/d:1',
    'localhost/app',
    'localhost:5000/app:1',
    'ghcr.io/buildkite/agent:3.136.2',
    'registry.example:5000/team/app',
    'REGISTRY.example/app',
    '192.0.2.1:5000/app',
    '[2001:db8::1]:5000/app',
    'a.b_c__d-e--f/g',
    'app:V1.2_3-rc.4',
    `app:${'t'.repeat(128)}`,
    `app@${sha256}`,
    `app:1@${sha256}`,
    `app@sha512:${'0a'.repeat(64)}`,
    `host.example/${'p'.repeat(255)}`,
  ]
  for (const name of good) t.ok(isImageReference(name), name)
})

t.test('other names are not', async t => {
  const bad = [
    '',
    ' ',
    ' alpine',
    'alpine ',
    'alpine\n',
    'Alpine',
    'library/Alpine',
    'alpine:',
    'alpine:3.20:1',
    'alpine:-1',
    `alpine:${'t'.repeat(129)}`,
    'alpine@',
    'alpine@sha256:',
    `alpine@sha256:${'0a'.repeat(16)}`,
    `alpine@${sha256.toUpperCase()}`,
    `alpine@md5:${'0a'.repeat(16)}`,
    `alpine@${sha256}:1`,
    '/alpine',
    'alpine/',
    'a//b',
    'host.example:port/app',
    'host.example:5000/',
    '-a',
    'a-',
    'a..b',
    'a___b',
    'https://host.example/app',
    '$IMAGE',
    'größe',
    `host.example/${'p'.repeat(256)}`,
    'a/'.repeat(600) + 'a',
  ]
  for (const name of bad) t.notOk(isImageReference(name), JSON.stringify(name.slice(0, 80)))
})

t.test('a long name that is none is refused at once', async t => {
  const start = performance.now()
  for (const name of ['a-'.repeat(500), '0'.repeat(1000) + '_', 'a.'.repeat(511) + '/']) {
    t.notOk(isImageReference(name))
  }
  t.ok(performance.now() - start < 1000)
})
