import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { clusterTools, root } from './env.js'
import { exec } from './exec.js'

/** The name of the image that `buildSpawnerImage` makes. */
export const spawnerImage = { repository: 'local/job-spawner', tag: 'test' }

/**
 * Makes an image of the built package and loads it into the cluster: the same files as the Dockerfile's, with this
 * machine's node and its libraries below it, because there is no Docker engine and no registry to take one from.
 * `npm run build` comes before it.
 */
export async function buildSpawnerImage(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'job-spawner-image-'))
  try {
    const rootfs = join(folder, 'rootfs')
    await addPackage(folder, join(rootfs, 'app'))
    await addNode(rootfs)
    addUser(rootfs)
    const name = `${spawnerImage.repository}:${spawnerImage.tag}`
    const config = ['--env', 'NODE_ENV=production', '--user', '65532:65532', '--workdir', '/app']
    const entrypoint = ['--entrypoint', 'node /app/bin/job-spawner']
    await exec(join(clusterTools, 'image'), [name, '--rootfs', rootfs, ...entrypoint, ...config])
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

// What npm would publish, and the packages that the lock file says it runs with.
async function addPackage(folder: string, app: string): Promise<void> {
  mkdirSync(app, { recursive: true })
  const packed = await npm(['pack', '--json', '--pack-destination', folder], root)
  const [archive] = JSON.parse(packed) as { filename: string }[]
  await exec('tar', [
    '-xzf',
    join(folder, archive?.filename ?? ''),
    '-C',
    app,
    '--strip-components=1',
  ])
  copyFileSync(join(root, 'package-lock.json'), join(app, 'package-lock.json'))
  await npm(['ci', '--omit=dev', '--prefer-offline'], app)
}

function npm(args: readonly string[], cwd: string): Promise<string> {
  return exec('npm', [...args, '--ignore-scripts', '--no-audit', '--no-fund'], { cwd })
}

async function addNode(rootfs: string): Promise<void> {
  const node = realpathSync(process.execPath)
  copyInto(rootfs, node, '/usr/local/bin/node')
  chmodSync(join(rootfs, 'usr/local/bin/node'), 0o755)
  const libraries = (await exec('ldd', [node])).matchAll(/(?:=> |^\s+)(\/\S+) \(0x/gm)
  for (const [, library] of libraries) {
    if (library !== undefined) copyInto(rootfs, library, library)
  }
}

function addUser(rootfs: string): void {
  mkdirSync(join(rootfs, 'etc'), { recursive: true })
  mkdirSync(join(rootfs, 'tmp'))
  chmodSync(join(rootfs, 'tmp'), 0o1777)
  const users = ['root:x:0:0:root:/:/none', 'nonroot:x:65532:65532:nonroot:/tmp:/none']
  writeFileSync(join(rootfs, 'etc/passwd'), `${users.join('\n')}\n`)
}

function copyInto(rootfs: string, from: string, to: string): void {
  const target = join(rootfs, to)
  mkdirSync(dirname(target), { recursive: true })
  copyFileSync(from, target)
}
