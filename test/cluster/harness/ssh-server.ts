import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { hostAddress, programEnv } from './env.js'
import { exec } from './exec.js'
import { makeRepository } from './git-repository.js'
import { eventually } from './kubectl.js'
import type { Teardown } from './namespaces.js'
import { freePort } from '../../harness/ports.js'

/** A repository that pods can clone with a key. */
export interface SshServer {
  url: string
  branch: string
  commit: string
  /** The private key (OpenSSH, ed25519) that may clone. */
  privateKey: string
}

const sshd = '/usr/sbin/sshd'

/** Whether this machine has Debian's openssh-server. */
export function hasSshd(): boolean {
  return existsSync(sshd)
}

/** Serves a repository of one commit with these files over ssh, and nothing else. It ends with the test. */
export async function startSshServer(
  t: Teardown,
  files: Record<string, string>,
): Promise<SshServer> {
  const { folder: repository, branch, commit } = await makeRepository(t, { files })
  const folder = mkdtempSync(join(tmpdir(), 'ssh-server-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  await Promise.all(['host', 'user'].map(name => makeKey(join(folder, name))))
  const port = await freePort()
  writeFileSync(join(folder, 'config'), config(folder, port))
  await startSshd(t, join(folder, 'config'), port)
  const url = `ssh://${userInfo().username}@${hostAddress}:${port}${repository}/repo.git`
  return { url, branch, commit, privateKey: readFileSync(join(folder, 'user'), 'utf8') }
}

async function makeKey(file: string): Promise<void> {
  await exec('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'test', '-f', file])
}

function config(folder: string, port: number): string {
  return `ListenAddress 0.0.0.0:${port}
HostKey ${folder}/host
AuthorizedKeysFile ${folder}/user.pub
StrictModes no
PidFile none
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
MaxStartups 100
AllowTcpForwarding no
ForceCommand git-shell -c "$SSH_ORIGINAL_COMMAND"
`
}

async function startSshd(t: Teardown, file: string, port: number): Promise<void> {
  // Where its unprivileged half lives; the package makes it only for its own service.
  mkdirSync('/run/sshd', { recursive: true })
  const child = spawn(sshd, ['-D', '-e', '-f', file], { env: programEnv, stdio: 'ignore' })
  const ended = once(child, 'close')
  t.teardown(async () => {
    child.kill('SIGTERM')
    await ended
  })
  await eventually('the ssh server', () => answers(port), 10)
}

async function answers(port: number): Promise<true | undefined> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return undefined
  } finally {
    socket.destroy()
  }
}
