import { mkdirSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import type { Test } from 'tap'
import type { Clock } from '../../../lib/clock.js'
import { runPodAgent } from '../../../lib/sandbox/pod-agent/agent.js'
import type { ContainerInput, PodReport } from '../../../lib/sandbox/pod-agent/input.js'
import { fakeGateway, jobId } from './fake-gateway.js'

/** Real time, but waits are shorter by so many times. */
export function clockOf(speed: number): Clock {
  return {
    now: () => Date.now(),
    random: () => 0.5,
    sleep: async (ms, signal) => {
      await delay(ms / speed, undefined, { signal })
    },
  }
}

/** A pod agent that runs in this process against a fake gateway of its own. */
export async function agentFor(
  t: Test,
  options: {
    commands?: string[]
    checkout?: boolean
    jobEnv?: Record<string, string>
    env?: Record<string, string>
    agentEnv?: Record<string, string>
    blocked?: boolean
    /** How many times shorter its waits are. */
    speed?: number
  } = {},
) {
  const gateway = await fakeGateway(options.jobEnv)
  t.teardown(() => gateway.close())
  const root = t.testdir()
  const workspace = `${root}/workspace`
  mkdirSync(workspace)
  const base = { image: 'busybox:1', mounts: [], sidecar: false, blocked: false }
  const { commands = ['echo hello'], checkout = false, blocked = false } = options
  const containers: ContainerInput[] = [
    {
      ...base,
      name: 'agent',
      env: {
        BUILDKITE_AGENT_ACQUIRE_JOB: jobId,
        BUILDKITE_AGENT_ENDPOINT: gateway.url,
        BUILDKITE_AGENT_TOKEN: 'pod-token',
        BUILDKITE_AGENT_TAGS: 'queue=default',
        BUILDKITE_K8S_NODE: 'sandbox',
        BUILDKITE_BUILD_PATH: '/workspace/build',
        BUILDKITE_SHELL: '/bin/sh -ec',
        ...options.agentEnv,
      },
    },
    ...(checkout
      ? [{ ...base, name: 'checkout', env: { BUILDKITE_BOOTSTRAP_PHASES: 'plugin,checkout' } }]
      : []),
    ...commands.map((command, i) => ({
      ...base,
      blocked,
      name: `container-${i}`,
      env: {
        BUILDKITE_BOOTSTRAP_PHASES: 'plugin,command',
        BUILDKITE_CONTAINER_ID: String(i + 1),
        BUILDKITE_COMMAND: command,
        ...options.env,
      },
    })),
  ]
  const initContainers = [{ ...base, name: 'copy-agent', env: {} }]
  const input = {
    name: 'p',
    namespace: 'ns',
    uid: 'u',
    root,
    workspace,
    initContainers,
    containers,
  }
  const reports: PodReport[] = []
  const stop = new AbortController()
  const start = () =>
    runPodAgent({
      input,
      clock: clockOf(options.speed ?? 50),
      report: report => void reports.push(report),
      stop: stop.signal,
    })
  return { gateway, start, reports, stop: () => stop.abort(), workspace }
}
