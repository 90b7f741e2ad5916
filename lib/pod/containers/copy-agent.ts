import type { V1Container } from '@kubernetes/client-node'
import { exactly, ownThenOurs } from './env.js'
import type { PatchedPod } from './patched-pod.js'
import { sameCommand } from './same-command.js'
import { imagePullPolicy } from './pull-policy.js'
import type { PodSettings } from '../given/settings.js'
import { passwdFile, userHome, userOf } from './user.js'
import { agentBinary, heldMounts, tiniBinary, volumeMounts, workspace } from './volumes.js'

/** The init container that prepares the workspace and puts the agent there, for images which have none. */
export function copyAgentDraft(settings: PodSettings): V1Container {
  return {
    name: 'copy-agent',
    image: settings.agentImage,
    ...imagePullPolicy(settings),
    command: ['/bin/sh', '-ec'],
    args: [script],
    // So that the pod's status itself says what is missing.
    terminationMessagePolicy: 'FallbackToLogsOnError',
    volumeMounts: volumeMounts(settings),
  }
}

/** The container as the patches left it; it also makes the user known that the checkout runs as. */
export function finishedCopyAgent({ spec, led }: PatchedPod, settings: PodSettings): V1Container {
  const draft = copyAgentDraft(settings)
  const found = spec.initContainers?.find(({ name }) => name === 'copy-agent') ?? draft
  const patched = sameCommand(draft, found, settings)
  const checkout = spec.containers.find(({ name }) => name === 'checkout')
  const user = led.includes('checkout') ? userOf(spec, checkout) : undefined
  return {
    ...patched,
    image: patched.image ?? settings.agentImage,
    ...(user === undefined
      ? {}
      : { env: ownThenOurs(patched.env, [exactly('CHECKOUT_USER', user)]) }),
    volumeMounts: heldMounts(patched.volumeMounts, settings, 'copy-agent'),
  }
}

const directories = ['build', 'plugins', 'sockets'].map(name => `${workspace}/${name}`).join(' ')

// Containers may run as different users, hence the open directories. Directories that exist already are fine, whoever
// owns them: the workspace may be a volume that outlives the pod. No dollar sign before a parenthesis: the kubelet
// would read it.
const script = `for directory in ${directories}; do
  [ -d "$directory" ] && continue
  mkdir -p "$directory"
  chmod 777 "$directory"
done
fail() { echo "copy-agent: $1 is not in the agent image" >&2; exit 1; }
agent=/usr/local/bin/buildkite-agent
[ -f "$agent" ] || fail "$agent"
cp "$agent" ${agentBinary}
if [ -n "\${CHECKOUT_USER-}" ]; then
  { echo "buildkite-agent:x:$CHECKOUT_USER::${userHome}:/bin/sh"; cat /etc/passwd; } >${passwdFile}
fi
for tini in /sbin/tini-static /usr/bin/tini-static; do
  [ -f "$tini" ] || continue
  cp "$tini" ${tiniBinary}
  exit 0
done
fail "tini-static (in /sbin or /usr/bin)"
`
