import t from 'tap'
import {
  classify,
  errorOfAnswer,
  errorOfNetwork,
  errorOfStatus,
  isClusterError,
  isNotFound,
  type ClusterDisposition,
} from '../../lib/cluster/cluster-error.js'

const table: [number | undefined, string | undefined, string, ClusterDisposition, string][] = [
  [undefined, 'ECONNREFUSED', '', 'retry', 'no answer at all'],
  [400, 'BadRequest', '', 'final', 'the request can never be right'],
  [401, 'Unauthorized', '', 'retry', 'our credentials, not the job'],
  [403, 'Forbidden', 'violates PodSecurity "restricted"', 'final', 'a policy'],
  [
    403,
    'Forbidden',
    'pods "x" is forbidden: exceeded quota: q, requested: pods=1',
    'retry',
    'room may come',
  ],
  [403, 'Forbidden', 'status unknown for quota: q, resources: pods', 'retry', 'the quota is new'],
  [404, 'NotFound', 'namespaces "x" not found', 'final', 'nothing there'],
  [408, undefined, '', 'retry', 'a proxy gave up'],
  [409, 'AlreadyExists', '', 'exists', 'same name'],
  [409, 'Conflict', 'the object has been modified', 'conflict', 'overtaken'],
  [
    409,
    'Conflict',
    'Operation cannot be fulfilled on resourcequotas "q": the object has been modified',
    'retry',
    'two creations met on the quota',
  ],
  [410, 'Expired', '', 'gone', 'compacted'],
  [400, 'Expired', '', 'gone', 'compacted, by its reason'],
  [422, 'Invalid', '', 'final', 'invalid'],
  [429, 'TooManyRequests', '', 'retry', 'slow down'],
  [500, 'InternalError', '', 'retry', 'server'],
  [503, 'ServiceUnavailable', '', 'retry', 'server'],
  [504, 'Timeout', '', 'retry', 'server'],
]

t.test('each refusal is known as passing, final, gone, existing or a conflict', async t => {
  for (const [status, reason, message, wanted, why] of table) {
    t.equal(classify({ status, reason, message }), wanted, `${status} ${reason}: ${why}`)
  }
})

t.test("the message is the API server's own", async t => {
  const body = { kind: 'Status', message: 'pods "x" not found', reason: 'NotFound', code: 404 }
  const error = errorOfAnswer(404, {}, JSON.stringify(body))
  t.match(error, { status: 404, reason: 'NotFound', message: 'pods "x" not found' })
  t.ok(isNotFound(error))
  t.ok(isClusterError(error, 'final'))
  t.notOk(isClusterError(error, 'retry'))
})

t.test('a page of a proxy is not quoted, plain text is', async t => {
  const page = errorOfAnswer(502, { 'content-type': 'text/html' }, '<html>secret</html>')
  t.equal(page.message, 'the API server answered with status 502')
  const words = errorOfAnswer(
    429,
    { 'content-type': 'text/plain', 'retry-after': '1' },
    'Too many.\n',
  )
  t.match(words, { message: 'Too many.', retryAfterMs: 1000, disposition: 'retry' })
})

t.test('the time to wait is read from the Status when there is no header', async t => {
  const body = { kind: 'Status', message: 'm', details: { retryAfterSeconds: 3 } }
  t.equal(errorOfAnswer(504, {}, JSON.stringify(body)).retryAfterMs, 3000)
  t.equal(errorOfAnswer(504, {}, '').retryAfterMs, undefined)
})

t.test('an ERROR event of a watch is the error that its Status says', async t => {
  const status = {
    kind: 'Status',
    code: 410,
    reason: 'Expired',
    message: 'too old resource version',
  }
  t.match(errorOfStatus(status), { disposition: 'gone', message: 'too old resource version' })
  t.match(errorOfStatus(undefined), { disposition: 'retry', status: 500 })
})

t.test('a network error names the host and its code', async t => {
  const cause = Object.assign(new Error('connect failed'), { code: 'ECONNREFUSED' })
  const error = errorOfNetwork(cause, 'cluster:6443')
  t.match(error, { reason: 'ECONNREFUSED', disposition: 'retry', status: undefined })
  t.match(error.message, /cluster:6443.*ECONNREFUSED/)
  t.equal(errorOfNetwork(error, 'other'), error)
})
