import t from 'tap'
import { buildJob } from '../../../lib/pod/build.js'
import { jobInputs } from '../../../lib/pod/given/inputs.js'
import type { PullPolicy } from '../../../lib/pod/given/settings.js'
import { podSettings } from '../settings.js'

type Policy = PullPolicy | undefined

const tagged = 'alpine:3.20'
const digest = `alpine@sha256:${'0a'.repeat(32)}`
const untagged = 'alpine'
const [none, always, missing, never] = [undefined, 'Always', 'IfNotPresent', 'Never'] as const

/** The operator's policy, that for checks, the container's own; then that of the check, and what the container has. */
type Row = [
  operator: Policy,
  check: Policy,
  own: Policy,
  image: string,
  ofCheck: Policy,
  has: Policy,
]

const rows: Row[] = [
  // Nobody says anything: as Kubernetes would have it.
  [none, none, none, tagged, missing, none],
  [none, none, none, digest, missing, none],
  [none, none, none, untagged, always, missing],
  [none, none, none, 'alpine:latest', always, missing],
  [none, none, none, 'registry.example:5000/alpine', always, missing],
  // The operator's policy.
  [always, none, none, tagged, always, missing],
  [always, none, none, digest, always, missing],
  [missing, none, none, untagged, missing, missing],
  [never, none, none, tagged, never, never],
  // The policy for checks goes before it, and changes nothing else.
  [none, always, none, tagged, always, none],
  [none, always, none, untagged, always, missing],
  [none, never, none, tagged, never, none],
  [missing, always, none, tagged, always, missing],
  [missing, always, none, digest, always, missing],
  [never, missing, none, tagged, missing, never],
  [always, missing, none, tagged, missing, always],
  [always, never, none, tagged, never, always],
  // The container's own goes before both.
  [none, none, always, tagged, always, missing],
  [none, none, missing, untagged, missing, missing],
  [none, none, never, untagged, never, never],
  [always, none, never, tagged, never, never],
  [always, always, missing, tagged, missing, missing],
  [missing, never, always, tagged, always, missing],
  [never, none, always, digest, always, missing],
]

t.test('an image is pulled as it is to be, and not twice', async t => {
  for (const [operator, check, own, image, ofCheck, has] of rows) {
    const pod = podOf(operator, check, own, image)
    const name = [operator, check, own, image].map(String).join(', ')
    const found = pod.initContainers?.filter(one => one.image === image) ?? []
    t.equal(found.length, 1, `${name}: one check`)
    t.equal(found[0]?.imagePullPolicy, ofCheck, `${name}: the check`)
    const command = pod.containers.find(one => one.name === 'container-0')
    t.equal(command?.imagePullPolicy, has, `${name}: the container`)
  }
})

t.test('the agent image is checked only when copy-agent does not pull it as strictly', async t => {
  const table: [Policy, Policy, Policy][] = [
    [none, none, none],
    [always, none, none],
    [missing, none, none],
    [missing, always, always],
    [none, always, always],
    [always, missing, none],
  ]
  for (const [operator, check, wanted] of table) {
    const pod = podOf(operator, check, none, tagged)
    const found = pod.initContainers?.find(
      ({ name, image }) => name !== 'copy-agent' && image === podSettings.agentImage,
    )
    t.equal(found?.imagePullPolicy, wanted, `${operator}, ${check}`)
  }
})

function podOf(operator: Policy, check: Policy, own: Policy, image: string) {
  const container = { image, ...(own === undefined ? {} : { imagePullPolicy: own }) }
  const job = buildJob(
    {
      id: 'a',
      command: 'make',
      plugin: { podSpec: { containers: [container] } },
      hasPlugin: true,
      tags: {},
      env: jobInputs({ id: 'a', env: {}, chunks_max_size_bytes: 1 }).env,
    },
    {
      ...podSettings,
      imagePullPolicy: operator,
      imageCheck: { pullPolicy: check, limits: { cpu: '200m' } },
    },
  )
  const pod = job.spec?.template.spec
  if (!pod) throw new Error('a Job without a pod')
  return pod
}
