import { durationText } from '../given/hold.js'

/**
 * What tini runs in the place of these words, so that the container stays for a while when they fail: for somebody to
 * look into it, as they left it. Needs /bin/sh and sleep in the image. `cgroup` is where the container sees its own.
 */
export function holdingWords(
  words: readonly string[],
  seconds: number,
  cgroup = '/sys/fs/cgroup',
): string[] {
  return ['-g', '--', '/bin/sh', '-c', script(seconds, cgroup), 'hold-on-failure', ...words]
}

// tini -g hands each signal to the shell and to what the shell runs at the time. So the words run in the foreground,
// with the signals and the standard input that they would have without the shell. The sleeper does not: a signal between
// its fork and its exec is lost to it, and the shell has to end without it. A pod that was told to stop before its
// command ended does not stay. Nor does one that had a process killed for its memory: that Kubernetes tells only when the
// container ends, and the job's log is to tell it. A $( here would be the kubelet's to replace.
function script(seconds: number, cgroup: string): string {
  return `hold() {
  for file in ${cgroup}/memory.events ${cgroup}/memory/memory.oom_control; do
    [ ! -r "$file" ] || while read -r name count; do
      [ "$name" != oom_kill ] || [ "$count" = 0 ] || exit "$1"
    done <"$file"
  done
  echo "job spawner: this container ended with status $1 and stays for ${durationText(seconds)} (holdOnFailure)"
  sleep ${seconds} & wait "$!"
}
trap 'hold() { :; }' HUP INT QUIT TERM
"$@"
set -- "$?"
trap 'exit "$1"' HUP INT QUIT TERM
[ "$1" = 0 ] || hold "$1"
exit "$1"
`
}
