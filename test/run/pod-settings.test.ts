import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { stringify } from 'yaml'
import { loadPodConfig } from '../../lib/config/load.js'
import { podSettings } from '../../lib/run/pod-settings.js'
import { examples } from '../config/examples.js'

t.test('what the operator sets is what the pod builder is given', async t => {
  const file = join(t.testdir(), 'c.yaml')
  writeFileSync(file, stringify(examples))
  const flags = {
    namespace: 'jobs',
    'job-prefix': 'ci-',
    'job-ttl': '90s',
    'job-active-deadline-seconds': 60,
    'container-start-timeout': '90s',
    'max-hold-on-failure': '1h',
    'default-termination-grace-period-seconds': 5,
    'agent-image': 'agent:1',
    'image-pull-policy': 'Never',
    'image-check': true,
    'image-check-pull-policy': 'Always',
    'image-check-container-cpu-limit': '1',
    'image-check-container-memory-limit': '1Gi',
    'workspace-mount-sub-path-expr': '$(POD_NAME)',
    'additional-redacted-vars': 'A,B',
    'default-resource-class-name': 'small',
    'prohibit-kubernetes-plugin': true,
    'allow-pod-spec-patch-unsafe-command-modification': true,
  }
  const argv = Object.entries(flags).map(([name, value]) => `--${name}=${value}`)
  t.strictSame(podSettings(loadPodConfig([...argv, '--config', file], {})), {
    namespace: 'jobs',
    jobPrefix: 'ci-',
    jobTtlSeconds: 90,
    jobActiveDeadlineSeconds: 60,
    containerStartTimeoutMs: 90_000,
    maxHoldSeconds: 3_600,
    terminationGracePeriodSeconds: 5,
    agentImage: 'agent:1',
    imagePullPolicy: 'Never',
    imageCheck: { pullPolicy: 'Always', limits: { cpu: '1', memory: '1Gi' } },
    agentConfig: examples['agent-config'],
    additionalRedactedVars: ['A', 'B'],
    defaultCheckoutParams: examples['default-checkout-params'],
    defaultCommandParams: examples['default-command-params'],
    defaultSidecarParams: examples['default-sidecar-params'],
    defaultMetadata: examples['default-metadata'],
    resourceClasses: examples['resource-classes'],
    defaultResourceClassName: 'small',
    workspaceVolume: examples['workspace-volume'],
    workspaceMountSubPathExpr: '$(POD_NAME)',
    podSpecPatch: examples['pod-spec-patch'],
    allowPodSpecPatchUnsafeCommandModification: true,
    prohibitKubernetesPlugin: true,
  })
})

t.test('images are checked only when the operator wants it', async t => {
  const limits = ['--image-check-container-cpu-limit=1']
  t.equal(podSettings(loadPodConfig(limits, {})).imageCheck, undefined)
  t.same(podSettings(loadPodConfig([...limits, '--image-check'], {})).imageCheck, {
    pullPolicy: undefined,
    limits: { cpu: '1', memory: '128Mi' },
  })
})
