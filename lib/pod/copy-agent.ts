import type { V1Container } from '@kubernetes/client-node'
import { imagePullPolicy, type PodSettings } from './settings.js'
import { agentBinary, tiniBinary, volumeMounts, workspace } from './volumes.js'

/** The init container that prepares the workspace and puts the agent there, for images which have none. */
export function copyAgentContainer(settings: PodSettings): V1Container {
  return {
    name: 'copy-agent',
    image: settings.agentImage,
    ...imagePullPolicy(settings),
    command: ['/bin/sh', '-ec'],
    args: [script],
    // So that the pod's status itself says what is missing.
    terminationMessagePolicy: 'FallbackToLogsOnError',
    volumeMounts: volumeMounts(),
  }
}

const directories = ['build', 'plugins', 'sockets'].map(name => `${workspace}/${name}`).join(' ')

// Containers may run as different users, hence the open directories. Directories that exist already are fine: the
// workspace may be a volume that outlives the pod. No dollar sign before a parenthesis: the kubelet would read it.
const script = `mkdir -p ${directories}
chmod 777 ${directories}
fail() { echo "copy-agent: $1 is not in the agent image" >&2; exit 1; }
agent=/usr/local/bin/buildkite-agent
[ -f "$agent" ] || fail "$agent"
cp "$agent" ${agentBinary}
for tini in /sbin/tini-static /usr/bin/tini-static; do
  [ -f "$tini" ] || continue
  cp "$tini" ${tiniBinary}
  exit 0
done
fail "tini-static (in /sbin or /usr/bin)"
`
