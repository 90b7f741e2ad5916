import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { clusterState, clusterTools, programEnv } from './env.js'
import { exec } from './exec.js'

/** An image of one static program, `/app`: no shell, no libc, no /tmp. `buildShellLessImage` makes it. */
export const shellLessImage = 'local/shell-less:test'

/** The image with a shell, for a user that is not root. `buildNonRootImage` makes it. */
export const nonRootImage = 'local/non-root:test'

/** Makes the image without a shell and loads it into the cluster. It wants Go, as the cluster's own tools do. */
export async function buildShellLessImage(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'shell-less-'))
  try {
    const source = fileURLToPath(new URL('shell-less/', import.meta.url))
    const flags = ['-trimpath', '-buildvcs=false', '-ldflags=-s -w']
    mkdirSync(join(folder, 'rootfs'))
    await exec('go', ['build', ...flags, '-o', join(folder, 'rootfs/app'), '.'], {
      cwd: source,
      env: { ...programEnv, CGO_ENABLED: '0', GOWORK: 'off' },
    })
    await image(shellLessImage, join(folder, 'rootfs'), ['--entrypoint', '/app'])
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Whether the cluster is ours, so that its images can be made anew with another user. */
export function hasRootfs(): boolean {
  return existsSync(busyboxRootfs)
}

/** Makes the image for a user that is not root: the job image's files, and user 1000. */
export async function buildNonRootImage(): Promise<void> {
  await image(nonRootImage, busyboxRootfs, ['--user', '1000:1000'])
}

const busyboxRootfs = join(clusterState, 'rootfs/busybox')

async function image(name: string, rootfs: string, flags: readonly string[]): Promise<void> {
  await exec(join(clusterTools, 'image'), [name, '--rootfs', rootfs, ...flags])
}
