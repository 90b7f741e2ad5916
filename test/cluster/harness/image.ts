import { createHash } from 'node:crypto'
import { once } from 'node:events'
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { clusterState, clusterTools, root } from './env.js'
import { exec } from './exec.js'
import { eventually } from './kubectl.js'
import { imageLabel, setImageLabel } from './runtime.js'

/** The name of the image that `buildSpawnerImage` makes. */
export const spawnerImage = { repository: 'local/job-spawner', tag: 'test' }

const name = `${spawnerImage.repository}:${spawnerImage.tag}`
const label = 'made-of'
const lockFile = join(root, 'package-lock.json')

/**
 * Makes an image of the built package and loads it into the cluster: the same files as the Dockerfile's, with this
 * machine's node and its libraries below it, because there is no Docker engine and no registry to take one from.
 * `npm run build` comes before it. Test files that run side by side share one image: the first makes it.
 */
export async function buildSpawnerImage(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'job-spawner-image-'))
  try {
    const archive = await pack(folder)
    const contents = digestOf([archive, lockFile, process.execPath])
    await alone(async () => {
      if ((await imageLabel(name, label)) === contents) return
      await make(folder, archive)
      await setImageLabel(name, label, contents)
    })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

// Until it ends, or the process does: nobody else has a socket of that name then.
async function alone(act: () => Promise<void>): Promise<void> {
  const lock = createServer()
  const taken = async () => {
    const listening = once(lock.listen(`\0${clusterState}/spawner-image`), 'listening')
    return listening.then(
      () => true as const,
      () => undefined,
    )
  }
  await eventually('the image, which another process makes', taken, 300)
  try {
    await act()
  } finally {
    lock.close()
  }
}

function digestOf(files: readonly string[]): string {
  const hash = createHash('sha256')
  for (const file of files) hash.update(readFileSync(file))
  return hash.digest('hex').slice(0, 32)
}

// What npm would publish.
async function pack(folder: string): Promise<string> {
  const packed = await npm(['pack', '--json', '--pack-destination', folder], root)
  const [archive] = JSON.parse(packed) as { filename: string }[]
  return join(folder, archive?.filename ?? '')
}

async function make(folder: string, archive: string): Promise<void> {
  const rootfs = join(folder, 'rootfs')
  await addPackage(archive, join(rootfs, 'app'))
  await addNode(rootfs)
  addUser(rootfs)
  const config = ['--env', 'NODE_ENV=production', '--user', '65532:65532', '--workdir', '/app']
  const entrypoint = ['--entrypoint', 'node /app/bin/job-spawner']
  await exec(join(clusterTools, 'image'), [name, '--rootfs', rootfs, ...entrypoint, ...config])
}

// With the packages that the lock file says it runs with.
async function addPackage(archive: string, app: string): Promise<void> {
  mkdirSync(app, { recursive: true })
  await exec('tar', ['-xzf', archive, '-C', app, '--strip-components=1'])
  copyFileSync(lockFile, join(app, 'package-lock.json'))
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
