import type { StructureName } from '../../lib/config/schema.js'

/** A value of each structured setting, with keys that have dots and slashes in them. All of them fit together. */
export const examples: Record<StructureName, object> = {
  'pod-spec-patch': {
    serviceAccountName: 'ci',
    priorityClassName: null,
    $retainKeys: ['serviceAccountName'],
    nodeSelector: { 'example.com/pool.name': 'ci' },
    volumes: [{ name: 'old', $patch: 'delete' }],
    containers: [
      {
        name: 'checkout',
        envFrom: [{ secretRef: { name: 'git' } }],
        image: 'Host.example:1/a/b:C',
      },
      { name: 'proxy', image: 'proxy:1', command: ['proxy'] },
    ],
  },
  'workspace-volume': {
    name: 'scratch',
    ephemeral: {
      volumeClaimTemplate: {
        spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '10Gi' } } },
      },
    },
  },
  'agent-config': {
    experiment: ['a-b'],
    'no-pty': true,
    'hooks-path': '/hooks',
    hooksVolume: { name: 'hooks', configMap: { name: 'hooks', defaultMode: 365 } },
    'additional-hooks': [{ path: '/more', volume: { name: 'more', emptyDir: {} } }],
    verificationJWKSVolume: { name: 'keys', secret: { secretName: 'keys' } },
    'verification-failure-behavior': 'warn',
  },
  'default-checkout-params': {
    cloneFlags: '--depth=1',
    gitMirrors: { path: '/mirrors', volume: { name: 'mirrors', hostPath: { path: '/mirrors' } } },
    gitCredentialsSecret: { secretName: 'git' },
  },
  'default-command-params': {
    interposer: 'vector',
    extraVolumeMounts: [{ name: 'more', mountPath: '/x' }],
  },
  'default-sidecar-params': { envFrom: [{ prefix: 'X_', configMapRef: { name: 'x' } }] },
  'default-metadata': {
    labels: { 'example.com/team': 'ci', plain: '' },
    annotations: { 'example.com/note': 'any text: at all', 'Example.com/Upper': 'x' },
  },
  'resource-classes': {
    small: { resource: { requests: { cpu: '250m', 'hugepages-2Mi': '4Mi' } } },
    'large.one': {
      resource: { limits: { cpu: 4, memory: '8Gi' } },
      podResource: { limits: { cpu: '8' } },
      nodeSelector: { 'example.com/pool': 'large' },
    },
  },
}
