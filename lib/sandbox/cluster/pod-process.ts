import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { PodInput, PodReport } from '../pod-agent/input.js'
import { killGroup } from '../pod-agent/process-group.js'

/** The process that plays a pod: the stand-in for the pod agent, which itself starts the commands. */
export interface PodProcess {
  /** Sends a signal to the stand-in alone, as Kubernetes' SIGTERM reaches only the agent that minds it. */
  signal(signal: NodeJS.Signals): void
  /** Ends the stand-in and every command that it started, at once. */
  kill(): void
  /** Resolves when the process is gone and all that it had said has been heard. */
  ended: Promise<void>
}

// What of our own environment a pod's processes get. Not all of it: it may hold the operator's secrets.
const passedOn = [
  'PATH',
  'HOME',
  'USER',
  'LANG',
  'LC_ALL',
  'TZ',
  'TMPDIR',
  'SSH_AUTH_SOCK',
  'HTTP_PROXY',
  'HTTPS_PROXY',
  'NO_PROXY',
  'http_proxy',
  'https_proxy',
  'no_proxy',
] as const

/** Starts the stand-in for one pod in its own process group, in the folder `root`. */
export function startPodProcess(options: {
  main: string
  root: string
  input: PodInput
  onReport: (report: PodReport) => void
}): PodProcess {
  const { main, root, input, onReport } = options
  const child = spawn(process.execPath, [main], {
    cwd: root,
    detached: true,
    env: hostEnvironment(),
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const groups = new Set<number>()
  let killed = false
  child.stdin.on('error', () => {})
  // The pipe stays open: when it closes, the stand-in knows that its node is gone.
  child.stdin.write(`${JSON.stringify(input)}\n`)
  createInterface(child.stdout).on('line', text => {
    const report = JSON.parse(text) as PodReport
    if (report.type === 'group') groups.add(report.pid)
    if (report.type === 'group' && killed) killGroup(report.pid, 'SIGKILL')
    if (report.type === 'group-over') groups.delete(report.pid)
    onReport(report)
  })
  child.stderr.on('data', (data: Buffer) => {
    onReport({ type: 'log', container: 'agent', data: data.toString('base64') })
  })
  const kill = () => {
    killed = true
    if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) {
      killGroup(child.pid, 'SIGKILL')
    }
    for (const pid of groups) killGroup(pid, 'SIGKILL')
  }
  const ended = new Promise<void>(resolve => {
    child.once('exit', kill)
    child.once('error', () => resolve())
    child.once('close', () => {
      // Said after the exit was noticed, and so not yet killed.
      kill()
      resolve()
    })
  })
  return { signal: signal => child.kill(signal), kill, ended }
}

function hostEnvironment(): Record<string, string> {
  return Object.fromEntries(
    passedOn.flatMap(name => {
      const value = process.env[name]
      return value === undefined ? [] : [[name, value]]
    }),
  )
}
