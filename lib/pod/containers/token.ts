import type { V1Volume, V1VolumeMount } from '@kubernetes/client-node'
import { tokenAudience, tokenFolder, tokenVolumeName } from '../../pod-token.js'

// How a pod proves to the gateway which pod it is: by a service account token of its own, which the kubelet fetches.
// So nothing secret stands in the Job, and what is in the file is good for that pod alone, while it is there.

// Agents read it from 3.134.0 on (buildkite-agent, clicommand/register_token.go).
const fileName = 'token'

/** The value of BUILDKITE_AGENT_TOKEN: where the agent finds what it registers with. */
export const tokenReference = `file://${tokenFolder}/${fileName}`

// The kubelet renews the file when a fifth of this is left, and the agent reads it once, when it starts. It may try to
// register for five minutes after that (agent: core/client.go), which a token of Kubernetes' least, 600 s, does not last.
const lifetimeSeconds = 1_800

/** A token of the pod's service account, whichever that is; also where its usual token is not mounted. */
export function tokenVolume(): V1Volume {
  const serviceAccountToken = {
    audience: tokenAudience,
    expirationSeconds: lifetimeSeconds,
    path: fileName,
  }
  return { name: tokenVolumeName, projected: { sources: [{ serviceAccountToken }] } }
}

/** The mount of it in the agent container. */
export function tokenMount(): V1VolumeMount {
  return { name: tokenVolumeName, mountPath: tokenFolder, readOnly: true }
}
