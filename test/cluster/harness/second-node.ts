import { spawn } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import type { V1Node, V1Pod } from '@kubernetes/client-node'
import { goFile } from './counting.js'
import { agentImage, clusterState, jobImage } from './env.js'
import { exec } from './exec.js'
import { eventually, kubectl, kubectlJson } from './kubectl.js'
import type { Teardown } from './namespaces.js'
import { execByRuntime, killContainer } from './runtime.js'

/** The name of the node, which is also that of its taint: nobody's pod comes there by chance. */
export const secondNode = 'second-node'

/** What a podSpec needs to run there, and nowhere else. */
export const onSecondNode = {
  nodeSelector: { 'kubernetes.io/hostname': secondNode },
  tolerations: [{ key: secondNode, operator: 'Exists', effect: 'NoSchedule' }],
}

// Below what `down` clears away: its certificate is worth nothing for another cluster.
const folder = join(clusterState, 'run', secondNode)
const socket = join(folder, 'containerd.sock')
const pki = join(clusterState, 'pki')
type Process = 'containerd' | 'kubelet'

/**
 * A second kubelet with a runtime of its own on this machine, so that a node can be lost, tainted and filled while the
 * first goes on with the jobs of all others. It goes with the test. For a cluster of shared/cluster alone.
 */
export async function startSecondNode(t: Teardown): Promise<void> {
  await stop()
  t.teardown(removeSecondNode)
  mkdirSync(folder, { recursive: true })
  await writeCertificate()
  writeConfigs()
  start('containerd', ['containerd', '--config', join(folder, 'containerd.toml')])
  await eventually('the second runtime', () => isThere(ctr('version')), 30)
  await addImages()
  startKubelet()
  await eventually('the second node', isReady, 60)
}

/** Its kubelet dies; its pods go on. */
export function killSecondKubelet(): void {
  kill('kubelet')
}

/** All containers of a pod on it die, without anybody to tell. */
export async function killPodOnSecondNode({ metadata, status }: V1Pod): Promise<void> {
  const running = (status?.containerStatuses ?? []).filter(({ state }) => state?.running)
  // A command whose agent is dead ends by itself a moment later.
  const unlessEnded = (error: unknown) => {
    if (!/no running task found/.test(String(error))) throw error
  }
  const kills = running.map(({ name }) => killContainer({ metadata, status }, name, socket))
  await Promise.all(kills.map(kill => kill.catch(unlessEnded)))
}

/** Ends a job of `openPipeline` there, whose kubelet may be dead. */
export async function letEndOnSecondNode(pod: V1Pod): Promise<void> {
  await execByRuntime(pod, 'container-0', { socket, command: ['touch', goFile] })
}

async function removeSecondNode(): Promise<void> {
  await stop()
  await kubectl(['delete', 'node', secondNode, '--ignore-not-found', '--wait=false'])
}

async function stop(): Promise<void> {
  kill('kubelet')
  // The runtime before its shims: it would clear up after them while we do.
  await endAll(pidsWith(['--config', join(folder, 'containerd.toml')]))
  const shims = pidsWith(['-address', socket])
  // With a shim alone its containers would go on, as nobody's children.
  await endAll([...processes().filter(pid => shims.includes(parentOf(pid))), ...shims])
  await clearAway()
}

async function endAll(pids: readonly number[]): Promise<void> {
  for (const pid of pids) end(pid)
  const gone = async () => pids.every(pid => proc(pid, 'cmdline') === '') || undefined
  await eventually('the end of the second node', gone, 30)
}

// Mounts that nobody unmounts any more, and the addresses of the pods' network, which both nodes share.
async function clearAway(): Promise<void> {
  await eventually('the end of its mounts', unmountAll, 30)
  const sandboxes = inFolder(join(folder, 'containerd/io.containerd.grpc.v1.cri/sandboxes'))
  const addresses = join(clusterState, 'ipam/pods')
  for (const address of inFolder(addresses).filter(name => /^[\d.]+$/.test(name))) {
    const [holder = ''] = readFileSync(join(addresses, address), 'utf8').split(/\s/)
    if (sandboxes.includes(holder)) rmSync(join(addresses, address))
  }
  rmSync(folder, { recursive: true, force: true })
}

// What one unmount takes with it is not there for the next.
async function unmountAll(): Promise<true | undefined> {
  const mounts = readFileSync('/proc/mounts', 'utf8').split('\n')
  const ours = mounts.flatMap(line => line.split(' ')[1] ?? []).filter(at => at.startsWith(folder))
  for (const at of ours.toReversed()) await exec('umount', ['--lazy', at]).catch(() => {})
  return ours.length === 0 ? true : undefined
}

function inFolder(path: string): string[] {
  return existsSync(path) ? readdirSync(path) : []
}

async function isReady(): Promise<true | undefined> {
  const nodes = await kubectlJson<{ items: V1Node[] }>(['get', 'nodes'])
  const node = nodes.items.find(({ metadata }) => metadata?.name === secondNode)
  const ready = node?.status?.conditions?.find(({ type }) => type === 'Ready')?.status === 'True'
  return ready && (node?.spec?.taints ?? []).length === 1 ? true : undefined
}

async function writeCertificate(): Promise<void> {
  const at = (name: string) => join(folder, name)
  writeFileSync(
    at('extensions'),
    `extendedKeyUsage=clientAuth,serverAuth\nsubjectAltName=IP:127.0.0.1,IP:10.244.0.1,DNS:${secondNode}\n`,
  )
  const subject = `/O=system:nodes/CN=system:node:${secondNode}`
  const ca = ['-CA', join(pki, 'ca.crt'), '-CAkey', join(pki, 'ca.key'), '-set_serial', '2002']
  const openssl = (...args: string[]) => exec('openssl', args)
  await openssl('ecparam', '-genkey', '-name', 'prime256v1', '-noout', '-out', at('node.key'))
  await openssl('req', '-new', '-key', at('node.key'), '-subj', subject, '-out', at('node.csr'))
  const dates = ['-days', '365', '-extfile', at('extensions')]
  await openssl('x509', '-req', '-in', at('node.csr'), ...ca, ...dates, '-out', at('node.crt'))
}

// The first node's, with places of its own.
function writeConfigs(): void {
  const change = (name: string, changes: [RegExp, string][]) => {
    const text = readFileSync(join(clusterState, name), 'utf8')
    const changed = changes.reduce((all, [from, to]) => all.replace(from, to), text)
    writeFileSync(join(folder, name), changed)
  }
  change('containerd.toml', [
    [/^root = .*$/m, `root = "${folder}/containerd"`],
    [/^state = .*$/m, `state = "${folder}/run"`],
    [/^ *address = .*$/m, `  address = "${socket}"`],
  ])
  change('kubelet.yaml', [
    [/^containerRuntimeEndpoint: .*$/m, `containerRuntimeEndpoint: unix://${socket}`],
    [/^tlsCertFile: .*$/m, `tlsCertFile: ${folder}/node.crt`],
    [/^tlsPrivateKeyFile: .*$/m, `tlsPrivateKeyFile: ${folder}/node.key`],
    // The first kubelet would clear away cgroups that it does not know.
    [/$/, 'port: 10350\nhealthzPort: 10348\ncgroupsPerQOS: false\nenforceNodeAllocatable: []\n'],
    [/$/, 'volumeStatsAggPeriod: 1s\n'],
    [/$/, `registerWithTaints: [{key: ${secondNode}, value: "true", effect: NoSchedule}]\n`],
  ])
  change('node.kubeconfig', [
    [/client-certificate: [^,}]*/, `client-certificate: ${folder}/node.crt`],
    [/client-key: [^,}]*/, `client-key: ${folder}/node.key`],
  ])
}

function startKubelet(): void {
  const bin = readdirSync(join(clusterState, 'bin')).find(name => name.startsWith('kube-'))
  start('kubelet', [
    join(clusterState, 'bin', bin ?? 'kube'),
    'kubelet',
    `--config=${folder}/kubelet.yaml`,
    `--kubeconfig=${folder}/node.kubeconfig`,
    `--hostname-override=${secondNode}`,
    '--node-ip=10.244.0.1',
    `--root-dir=${folder}/kubelet`,
    `--cert-dir=${folder}`,
  ])
}

async function addImages(): Promise<void> {
  const first = ['--address', join(clusterState, 'run/containerd.sock'), '--namespace', 'k8s.io']
  for (const image of ['local/pause:1', agentImage, jobImage]) {
    const name = `docker.io/${image}`
    const file = join(folder, 'image.tar')
    await exec('ctr', [...first, 'images', 'export', file, name])
    await ctr('images', 'import', file)
  }
}

function ctr(...args: string[]): Promise<string> {
  return exec('ctr', ['--address', socket, '--namespace', 'k8s.io', ...args])
}

function isThere(answer: Promise<unknown>): Promise<true | undefined> {
  return answer.then(() => true as const).catch(() => undefined)
}

function start(name: Process, [program = '', ...args]: string[]): void {
  const log = openSync(join(folder, `${name}.log`), 'a')
  const child = spawn(program, args, { detached: true, stdio: ['ignore', log, log] })
  child.unref()
  writeFileSync(join(folder, `${name}.pid`), String(child.pid))
}

function kill(name: Process): void {
  const file = join(folder, `${name}.pid`)
  if (!existsSync(file)) return
  const pid = Number(readFileSync(file, 'utf8'))
  // Not merely a number that is in use again.
  if (proc(pid, 'cmdline').includes(folder)) end(pid)
}

/** The processes that were started with these words. */
function pidsWith(words: readonly string[]): number[] {
  return processes().filter(pid => proc(pid, 'cmdline').includes(words.join('\0')))
}

function parentOf(pid: number): number {
  return Number(/^PPid:\s*(\d+)$/m.exec(proc(pid, 'status'))?.[1])
}

function processes(): number[] {
  return readdirSync('/proc').map(Number).filter(Boolean)
}

function proc(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8')
  } catch {
    return ''
  }
}

function end(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended meanwhile.
  }
}
