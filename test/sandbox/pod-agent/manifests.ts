import type { V1Container, V1EnvVar, V1Job } from '@kubernetes/client-node'
import { jobId } from './fake-gateway.js'

/** A Job as the program makes it, small: copy-agent, agent, checkout (if wanted) and one container for each command. */
export function jobManifest(options: {
  name?: string
  endpoint?: string
  commands?: string[]
  image?: string
  checkout?: boolean
  env?: V1EnvVar[]
  agentEnv?: V1EnvVar[]
  spec?: Partial<V1Job['spec']>
}): V1Job {
  const { name = 'run-1', commands = ['true'], image = 'busybox', checkout = false } = options
  const volumeMounts = [{ name: 'workspace', mountPath: '/workspace' }]
  const containers: V1Container[] = [
    {
      name: 'agent',
      image: 'buildkite/agent:3',
      args: ['start'],
      volumeMounts,
      env: [
        { name: 'BUILDKITE_AGENT_ACQUIRE_JOB', value: jobId },
        { name: 'BUILDKITE_AGENT_ENDPOINT', value: options.endpoint ?? 'http://127.0.0.1:9/v3' },
        { name: 'BUILDKITE_AGENT_TOKEN', value: 'pod-token' },
        { name: 'BUILDKITE_AGENT_TAGS', value: 'queue=default' },
        {
          name: 'BUILDKITE_K8S_NAMESPACE',
          valueFrom: { fieldRef: { fieldPath: 'metadata.namespace' } },
        },
        { name: 'BUILDKITE_BUILD_PATH', value: '/workspace/build' },
        { name: 'BUILDKITE_SHELL', value: '/bin/sh -ec' },
        { name: 'BUILDKITE_CANCEL_GRACE_PERIOD', value: '10' },
        ...(options.agentEnv ?? []),
      ],
    },
    ...(checkout
      ? [
          {
            name: 'checkout',
            image: 'buildkite/agent:3',
            volumeMounts,
            env: [
              { name: 'BUILDKITE_BOOTSTRAP_PHASES', value: 'plugin,checkout' },
              { name: 'BUILDKITE_CONTAINER_ID', value: '0' },
            ],
          },
        ]
      : []),
    ...commands.map((command, i) => ({
      name: `container-${i}`,
      image,
      volumeMounts,
      env: [
        { name: 'BUILDKITE_BOOTSTRAP_PHASES', value: 'plugin,command' },
        { name: 'BUILDKITE_CONTAINER_ID', value: String(i + (checkout ? 1 : 0)) },
        ...(options.env ?? []),
        // Doubled, as the program does it: the kubelet makes one dollar sign of two.
        { name: 'BUILDKITE_COMMAND', value: command.replaceAll('$', () => '$$') },
      ],
    })),
  ]
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name, labels: { app: 'test' } },
    spec: {
      backoffLimit: 0,
      ...options.spec,
      template: {
        metadata: { labels: { app: 'test' } },
        spec: {
          restartPolicy: 'Never',
          terminationGracePeriodSeconds: 20,
          initContainers: [{ name: 'copy-agent', image: 'buildkite/agent:3', volumeMounts }],
          containers,
          volumes: [{ name: 'workspace', emptyDir: {} }],
        },
      },
    },
  }
}
