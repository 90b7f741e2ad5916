import t from 'tap'
import { effectOf, type Peer } from './hook/names.js'

const uuid = '0e3a6c52-6a2e-4d0b-9d7c-2b1f2c7a1a11'

const cases: [Peer, string, string, string, boolean][] = [
  ['upstream', 'PUT', `/v3/jobs/${uuid}/accept`, 'upstream PUT /jobs/:id/accept', true],
  ['upstream', 'GET', '/v3/ping?x=1', 'upstream GET /ping', true],
  ['upstream', 'GET', `/v3/jobs/${uuid}`, 'upstream GET /jobs/:id', false],
  ['gateway', 'GET', '/v3/ping', 'gateway GET /ping', false],
  ['gateway', 'POST', '/v3/register', 'gateway POST /register', true],
  ['kubernetes', 'PUT', '/api/v1/namespaces/a/secrets/b', 'kubernetes PUT secrets/:name', true],
  ['kubernetes', 'GET', '/api/v1/namespaces/a/pods', 'kubernetes LIST pods', false],
  ['kubernetes', 'GET', '/api/v1/namespaces/a/pods?watch=1', 'kubernetes WATCH pods', false],
  ['kubernetes', 'GET', '/api/v1/namespaces/a/pods/b/log', 'kubernetes GET pods/:name/log', false],
  ['kubernetes', 'POST', '/apis/batch/v1/namespaces/a/jobs', 'kubernetes POST jobs', true],
  ['kubernetes', 'POST', '/api/v1/namespaces', 'kubernetes POST namespaces', true],
  [
    'kubernetes',
    'POST',
    '/apis/batch/v1/namespaces/a/jobs?dryRun=All',
    'kubernetes POST jobs (dry run)',
    false,
  ],
  [
    'kubernetes',
    'POST',
    '/apis/authentication.k8s.io/v1/tokenreviews',
    'kubernetes POST tokenreviews',
    false,
  ],
]

for (const [peer, method, path, name, writes] of cases) {
  t.test(`${method} ${path} is "${name}"`, async t => {
    t.same(effectOf(peer, method, path), { name, writes })
  })
}
