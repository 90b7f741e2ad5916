import {
  spawn,
  spawnSync,
  type ChildProcess,
  type ChildProcessWithoutNullStreams,
} from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import t, { type Test } from 'tap'
import { holdingWords } from '../../../lib/pod/containers/hold.js'

// What tini runs in a container that stays when it fails, in each shell that is here. What the words are run as is a
// process group, to which tini -g hands the signals that it gets.

const shells = [['/bin/sh'], ['dash'], ['bash', '--posix'], ['busybox', 'sh']].filter(
  ([program = '', ...words]) => spawnSync(program, [...words, '-c', ':']).status === 0,
)

interface Container {
  /** Resolves when the text is in the output. */
  shows: (text: string) => Promise<void>
  signal: (name: NodeJS.Signals) => void
  ended: Promise<{ status: number | null; output: string }>
}

function start(
  t: Test,
  shell: readonly string[],
  words: string[],
  { env = {}, cgroup = '/nowhere' }: { env?: NodeJS.ProcessEnv; cgroup?: string } = {},
): Container {
  const [group, , , ...rest] = holdingWords(words, 600, cgroup)
  t.equal(group, '-g')
  const [program = '', ...own] = shell
  const child = spawn(program, [...own, ...rest], {
    detached: true,
    env: { ...process.env, ...env },
  })
  const signal = (name: NodeJS.Signals) => void process.kill(-(child.pid as number), name)
  t.teardown(() => endGroup(child))
  return { signal, ...outputOf(child) }
}

// With its first process a container ends: nothing goes on in it.
function endGroup({ pid = 0 }: ChildProcess): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // Nobody is left.
  }
}

function outputOf(child: ChildProcessWithoutNullStreams): Pick<Container, 'shows' | 'ended'> {
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
  return {
    ended: ended(child).then(status => ({ status, output })),
    shows: async text => {
      while (!output.includes(text)) await once(child.stdout, 'data')
    },
  }
}

async function ended(child: ChildProcess): Promise<number | null> {
  const closed = once(child, 'close')
  const [status] = (await once(child, 'exit')) as [number | null]
  endGroup(child)
  await closed
  return status
}

const stays =
  /^job spawner: this container ended with status 7 and stays for 10m \(holdOnFailure\)$/m

for (const shell of shells) {
  t.test(basename(shell.join(' ')), async t => {
    t.test('what succeeds ends at once, and sees its own words and variables', async t => {
      const script = 'printf "%s|" "$@" "$hold" "$status"'
      const env = { hold: 'a', status: 'b' }
      const { ended } = start(t, shell, ['sh', '-c', script, 'x', 'a b', '$c', ''], { env })
      t.same(await ended, { status: 0, output: 'a b|$c||a|b|' })
    })

    t.test('what fails stays until it is told to stop, and then has its own status', async t => {
      const container = start(t, shell, ['sh', '-c', 'exit 7'])
      await container.shows('stays for 10m')
      container.signal('SIGTERM')
      const { status, output } = await container.ended
      t.equal(status, 7)
      t.match(output, stays)
    })

    t.test('each signal that an image may stop by ends the hold', async t => {
      for (const name of ['SIGINT', 'SIGQUIT', 'SIGHUP'] as const) {
        const container = start(t, shell, ['sh', '-c', 'exit 7'])
        await container.shows('stays for 10m')
        container.signal(name)
        t.equal((await container.ended).status, 7, name)
      }
    })

    t.test('a signal reaches what runs, which may finish its work; then nothing stays', async t => {
      const script = 'trap "echo told; sleep 0.1; exit 7" TERM; echo up; sleep 600 & wait'
      const container = start(t, shell, ['sh', '-c', script])
      await container.shows('up')
      container.signal('SIGTERM')
      const { status, output } = await container.ended
      t.equal(status, 7)
      t.match(output, /told/)
      t.notMatch(output, /stays/)
    })

    t.test('what a signal kills has the status of shells, and stays', async t => {
      const container = start(t, shell, ['sh', '-c', 'kill -KILL $$'])
      await container.shows('ended with status 137')
      container.signal('SIGTERM')
      t.equal((await container.ended).status, 137)
    })

    t.test('where the kernel has killed for memory nothing stays, so that it is told', async t => {
      const files = [
        ['memory.events', 'low 0\noom 3\noom_kill '],
        ['memory/memory.oom_control', 'oom_kill_disable 0\nunder_oom 0\noom_kill '],
      ] as const
      for (const [file, text] of files) {
        const cgroup = t.testdir({ memory: {} })
        writeFileSync(join(cgroup, file), `${text}1\n`)
        const { status, output } = await start(t, shell, ['sh', '-c', 'exit 7'], { cgroup }).ended
        t.same({ status, output }, { status: 7, output: '' }, file)
        writeFileSync(join(cgroup, file), `${text}0\n`)
        const other = start(t, shell, ['sh', '-c', 'exit 7'], { cgroup })
        await other.shows('stays for 10m')
        other.signal('SIGTERM')
        t.equal((await other.ended).status, 7)
      }
    })

    t.test('what runs ignores no signal', { skip: process.platform !== 'linux' }, async t => {
      const { ended } = start(t, shell, ['grep', 'SigIgn', '/proc/self/status'])
      const ignored = BigInt(`0x${(await ended).output.split(/\s+/)[1]}`)
      // INT, QUIT, TERM, HUP: bits 1, 2, 14 and 0. Node itself ignores PIPE.
      t.equal(ignored & 0b100_0000_0000_0111n, 0n)
    })
  })
}

t.test('there is a shell to try it in', async t => {
  t.ok(shells.length > 0)
})

t.test('the kubelet finds nothing to replace in the words', async t => {
  t.notMatch(holdingWords(['a', 'b'], 5).join('\n'), /\$\$|\$\(/)
})
