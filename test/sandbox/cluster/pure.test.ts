import t from 'tap'
import { imageTrouble } from '../../../lib/sandbox/cluster/images.js'
import type { PodObject } from '../../../lib/sandbox/cluster/objects.js'
import { containerEnvironment, expand } from '../../../lib/sandbox/cluster/pod-environment.js'
import { podLog } from '../../../lib/sandbox/cluster/pod-log.js'
import { podPhase } from '../../../lib/sandbox/cluster/pod-status.js'
import { target } from '../../../lib/sandbox/cluster/router.js'

const pod: PodObject = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name: 'p',
    namespace: 'ns',
    uid: 'u',
    resourceVersion: '1',
    creationTimestamp: '2026-01-01T00:00:00Z',
    labels: { 'a/b': 'label' },
  },
  spec: {
    nodeName: 'sandbox',
    initContainers: [{ name: 'init', image: 'i' }],
    containers: [
      { name: 'agent', image: 'a' },
      { name: 'work', image: 'w' },
    ],
  },
}

t.test('variables are put into values as Kubernetes does it', async t => {
  t.equal(expand('$(A) $(B) $$(A) $$$$ $A $(date)', { A: 'x' }), 'x $(B) $(A) $$ $A $(date)')
})

t.test('a container’s environment has its sources resolved, later over earlier', async t => {
  const lookups = {
    secret: (name: string) => (name === 's' ? { KEY: 'secret', OTHER: 'o' } : undefined),
    configMap: () => undefined,
  }
  const container = {
    name: 'work',
    image: 'w',
    envFrom: [
      { prefix: 'P_', secretRef: { name: 's' } },
      { configMapRef: { name: 'c', optional: true } },
    ],
    env: [
      { name: 'P_KEY', value: 'own' },
      { name: 'NODE', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } },
      { name: 'LABEL', valueFrom: { fieldRef: { fieldPath: "metadata.labels['a/b']" } } },
      { name: 'FROM', valueFrom: { secretKeyRef: { name: 's', key: 'KEY' } } },
      { name: 'NONE', valueFrom: { secretKeyRef: { name: 'x', key: 'KEY', optional: true } } },
      { name: 'SUM', value: '$(NODE)-$(FROM)' },
    ],
  }
  t.same(containerEnvironment(pod, container, lookups), {
    values: {
      P_KEY: 'own',
      P_OTHER: 'o',
      NODE: 'sandbox',
      LABEL: 'label',
      FROM: 'secret',
      SUM: 'sandbox-secret',
    },
  })
  const key = { secretKeyRef: { name: 's', key: 'NO' } }
  const missing = { ...container, env: [{ name: 'X', valueFrom: key }] }
  t.same(containerEnvironment(pod, missing, lookups), {
    missing: "couldn't find key NO in secret ns/s",
  })
})

t.test('the phase follows the containers', async t => {
  const waiting = { waiting: { reason: 'ContainerCreating' } }
  const running = { running: { startedAt: '' } }
  const ended = (exitCode: number) => ({ terminated: { exitCode, reason: '', finishedAt: '' } })
  const phase = (init: object, agent: object, work: object) =>
    podPhase(pod, new Map(Object.entries({ init, agent, work })) as Parameters<typeof podPhase>[1])
  t.equal(phase(running, waiting, waiting), 'Pending')
  t.equal(phase(ended(1), waiting, waiting), 'Failed')
  t.equal(phase(ended(0), running, waiting), 'Pending')
  t.equal(phase(ended(0), running, ended(0)), 'Running')
  t.equal(phase(ended(0), ended(0), ended(0)), 'Succeeded')
  t.equal(phase(ended(0), ended(0), ended(3)), 'Failed')
})

t.test('images are told apart by name', async t => {
  t.equal(imageTrouble('busybox'), undefined)
  t.equal(imageTrouble('registry:5000/a/b_c:1.2@sha256:' + 'a'.repeat(64)), undefined)
  t.equal(imageTrouble('missing/x:1')?.reason, 'ErrImagePull')
  t.equal(imageTrouble('a/does-not-exist')?.reason, 'ErrImagePull')
  t.equal(imageTrouble('Upper')?.reason, 'InvalidImageName')
})

t.test('the tail of a log is whole lines', async t => {
  const read = () => Buffer.from('one\ntwo\nthree\n')
  const tail = (tailLines: number) => podLog(pod, { container: 'work', tailLines }, read).toString()
  t.equal(tail(0), '')
  t.equal(tail(2), 'two\nthree\n')
  t.equal(tail(9), 'one\ntwo\nthree\n')
  t.throws(() => podLog(pod, { container: 'none' }, read))
  t.throws(() => podLog(pod, { container: 'work' }, () => undefined))
})

t.test('paths mean objects, or nothing', async t => {
  t.match(target('/apis/batch/v1/namespaces/ns/jobs/j'), {
    resource: 'jobs',
    namespace: 'ns',
    name: 'j',
  })
  t.match(target('/api/v1/namespaces/ns'), { resource: 'namespaces', name: 'ns' })
  t.match(target('/api/v1/pods'), { resource: 'pods', namespace: undefined, name: undefined })
  t.match(target('/api/v1/namespaces/ns/pods/p/log'), { name: 'p', subresource: 'log' })
  t.equal(target('/api/v1/namespaces/ns/jobs'), undefined)
  t.equal(target('/api/v1/namespaces/ns/nodes'), undefined)
  t.equal(target('/nothing'), undefined)
})
