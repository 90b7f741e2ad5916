import { posix } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { mountedAt } from '../../../lib/pod/containers/volumes.js'

t.test('a mount is at the path that the kubelet makes of its spelling', async t => {
  const part = fc.constantFrom('', '.', '..', 'a', 'b.c', '...')
  const paths = fc.array(part, { maxLength: 6 }).map(parts => parts.join('/'))
  fc.assert(
    fc.property(paths, path => mountedAt(path) === posix.resolve('/', path)),
    { seed: 1 },
  )
  t.equal(mountedAt('/etc//hooks/./'), '/etc/hooks')
  t.equal(mountedAt('etc/hooks'), '/etc/hooks')
  t.equal(mountedAt(undefined), '/')
})
