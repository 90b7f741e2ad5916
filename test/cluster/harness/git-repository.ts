import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { exec } from './exec.js'
import type { Teardown } from './namespaces.js'

/** What is in a repository. */
export interface RepositoryContent {
  /** Path → text, all in the last commit. */
  files: Record<string, string>
  /** How many empty commits stand before the last one. */
  earlierCommits?: number
  /** A submodule: its path, its address and the commit that it stands at. */
  submodule?: { path: string; url: string; commit: string }
}

/** A bare repository on this machine, `repo.git` in a folder of its own. It goes with the test. */
export interface Repository {
  folder: string
  branch: string
  /** The id of its last commit. */
  commit: string
}

/** Makes a bare repository with one branch. */
export async function makeRepository(t: Teardown, content: RepositoryContent): Promise<Repository> {
  const folder = mkdtempSync(join(tmpdir(), 'git-server-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const work = join(folder, 'work')
  writeFiles(work, content.files)
  const identity = ['-c', 'user.name=test', '-c', 'user.email=test@example.org']
  const git = (...args: string[]) => exec('git', [...identity, '-C', work, ...args])
  await git('init', '--quiet', '--initial-branch=main')
  for (let n = 1; n <= (content.earlierCommits ?? 0); n += 1) {
    await git('commit', '--quiet', '--allow-empty', `--message=earlier ${n}`)
  }
  await git('add', '--all')
  if (content.submodule) await addSubmodule(git, work, content.submodule)
  await git('commit', '--quiet', '--message=first')
  await git('clone', '--quiet', '--bare', '.', join(folder, 'repo.git'))
  return { folder, branch: 'main', commit: (await git('rev-parse', 'HEAD')).trim() }
}

function writeFiles(work: string, files: Record<string, string>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(work, path)), { recursive: true })
    writeFileSync(join(work, path), text)
  }
}

// By hand, because `git submodule add` would clone.
async function addSubmodule(
  git: (...args: string[]) => Promise<string>,
  work: string,
  { path, url, commit }: NonNullable<RepositoryContent['submodule']>,
): Promise<void> {
  writeFiles(work, { '.gitmodules': `[submodule "${path}"]\n\tpath = ${path}\n\turl = ${url}\n` })
  await git('add', '.gitmodules')
  await git('update-index', '--add', '--cacheinfo', `160000,${commit},${path}`)
}
