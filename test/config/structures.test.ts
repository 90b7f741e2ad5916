import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { stringify } from 'yaml'
import type { PodConfig } from '../../lib/config/config.js'
import { loadConfig, loadPodConfig } from '../../lib/config/load.js'
import { structures } from '../../lib/config/schema.js'
import { isProblem, problemText, type Problem } from '../../lib/errors.js'
import { examples } from './examples.js'

function load(t: { testdir(): string }, text: string | object): PodConfig {
  const file = join(t.testdir(), 'c.yaml')
  writeFileSync(file, typeof text === 'string' ? text : stringify(text))
  return loadPodConfig(['--config', file], {})
}

/** The refusal, with the folder of the file left out of its places. */
function refusal(t: { testdir(): string; testdirName: string }, text: string | object): Problem {
  try {
    load(t, text)
  } catch (error) {
    if (!isProblem(error)) throw error
    const short = (line: string | undefined) => line?.replaceAll(`${t.testdirName}/`, '')
    return Object.assign(error, { where: short(error.where), found: short(error.found) })
  }
  throw new Error('the settings were taken')
}

function thrown(attempt: () => unknown): unknown {
  try {
    return attempt()
  } catch (error) {
    return error
  }
}

const keyOf = (name: string) =>
  name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase()) as keyof PodConfig

t.test('each structured setting comes through as it stands in the file', async t => {
  for (const [name] of structures()) {
    t.same(load(t, { [name]: examples[name] })[keyOf(name)], examples[name], name)
  }
  const config = load(t, examples)
  for (const [name] of structures()) t.same(config[keyOf(name)], examples[name], name)
})

t.test('without the file, or with a key without a value, they are unset', async t => {
  const empty = structures().map(([name]) => `${name}:\n`)
  for (const config of [loadPodConfig([], {}), load(t, empty.join(''))]) {
    for (const [name] of structures()) t.equal(config[keyOf(name)], undefined, name)
  }
})

t.test('nobody can write into the settings, however deep', async t => {
  const config = load(t, examples)
  const frozen = (value: unknown): boolean =>
    typeof value !== 'object' ||
    value === null ||
    (Object.isFrozen(value) && Object.values(value).every(frozen))
  t.ok(frozen(config))
})

t.test('neither a flag nor a variable can hold one', async t => {
  for (const [name] of structures()) {
    const variable = `JOB_SPAWNER_${name.toUpperCase().replaceAll('-', '_')}`
    const table: [() => unknown, object][] = [
      [
        () => loadConfig([`--${name}`, '{}'], {}),
        { code: 'USAGE', where: `--${name}`, wanted: `${name} in the config file` },
      ],
      [
        () => loadConfig([], { [variable]: '{}', BUILDKITE_AGENT_TOKEN: 'x' }),
        { code: 'CONFIG_INVALID', where: variable, wanted: `${name} in the config file` },
      ],
    ]
    for (const [attempt, evidence] of table) t.match(thrown(attempt), evidence, name)
  }
})

t.test('a value that is no mapping is refused for every one of them', async t => {
  for (const [name] of structures()) {
    t.match(
      refusal(t, { [name]: 'hunter2' }),
      { where: 'c.yaml:1:1', wanted: 'a mapping of keys and values', found: 'a string' },
      name,
    )
    t.match(refusal(t, { [name]: ['hunter2'] }), { found: 'a list' }, name)
  }
})

const faults: [what: string, text: string, evidence: object][] = [
  [
    'an unknown key of ours',
    'agent-config:\n  shell: sh\n  hookspath: /x\n',
    {
      message: "agent-config.hookspath can't be used",
      where: 'c.yaml:3:3',
      found: 'the unknown key "hookspath"',
      hint: 'did you mean hooks-path?',
    },
  ],
  [
    'a value of the wrong kind, far inside',
    'default-checkout-params:\n  gitMirrors:\n    volume: {name: a}\n    lockTimeout: soon\n',
    { where: 'c.yaml:4:5', wanted: 'integer', found: 'string' },
  ],
  [
    'a word that is none of those allowed',
    'default-command-params:\n  interposer: shell\n',
    { where: 'c.yaml:2:3', wanted: 'one of: buildkite, vector, legacy, exec' },
  ],
  [
    'an unknown key of a resource class',
    'resource-classes:\n  big.one:\n    resources: {}\n',
    {
      message: `resource-classes["big.one"].resources can't be used`,
      where: 'c.yaml:3:5',
      hint: 'did you mean resource?',
    },
  ],
  [
    'an unknown key of a volume',
    'workspace-volume:\n  name: w\n  hostpath: { path: /x }\n',
    { where: 'c.yaml:3:3', found: 'the unknown key "hostpath"', hint: 'did you mean hostPath?' },
  ],
  [
    'an unknown key of a volume inside',
    'agent-config:\n  pluginsVolume:\n    name: w\n    secret: { secretname: x }\n',
    { where: 'c.yaml:4:15', hint: 'did you mean secretName?' },
  ],
  [
    'an unknown key of an item of a list',
    'default-sidecar-params:\n  envFrom:\n    - secretRef: { name: a }\n    - secretref: { name: b }\n',
    {
      message: "default-sidecar-params.envFrom[1].secretref can't be used",
      where: 'c.yaml:4:7',
      hint: 'did you mean secretRef?',
    },
  ],
  [
    'an unknown key of a patch',
    'pod-spec-patch:\n  containers:\n    - name: x\n      $patch: delete\n      envfrom: []\n',
    { where: 'c.yaml:5:7', hint: 'did you mean envFrom?' },
  ],
  [
    'a value of the wrong kind in a patch',
    'pod-spec-patch:\n  tolerations: {}\n',
    { where: 'c.yaml:2:3', wanted: 'array', found: 'object' },
  ],
  [
    'a number where a label has text',
    'default-metadata:\n  labels:\n    example.com/n: 5\n',
    {
      message: `default-metadata.labels["example.com/n"] can't be used`,
      where: 'c.yaml:3:5',
      hint: 'put quotes around it',
    },
  ],
  [
    'the key of a label that Kubernetes would refuse',
    'default-metadata:\n  labels: { -x: y }\n',
    { where: 'c.yaml:2:13', found: 'the key "-x"' },
  ],
  [
    'the value of a label that Kubernetes would refuse',
    'default-metadata:\n  labels: { x: hunter 2 }\n',
    { where: 'c.yaml:2:13', found: 'a text of 8 characters that is none' },
  ],
  [
    'a default class that is not there',
    'default-resource-class-name: smal\nresource-classes: { small: {} }\n',
    { where: 'c.yaml:1:1', wanted: 'one of: small', hint: 'did you mean small?' },
  ],
  [
    'an amount that is none',
    'resource-classes:\n  a:\n    resource:\n      limits: { memory: 1GB }\n',
    { where: 'c.yaml:4:17', wanted: 'a quantity, such as 500m or 2Gi', found: '"1GB"' },
  ],
  [
    'a command for a container of ours',
    'pod-spec-patch:\n  initContainers:\n    - name: copy-agent\n      args: [hunter2]\n',
    { where: 'c.yaml:4:7', wanted: 'no args: what the container copy-agent runs is ours' },
  ],
  [
    'an image in capitals',
    'pod-spec-patch:\n  containers:\n    - name: x\n      image: Example/App:1\n',
    { where: 'c.yaml:4:7', found: '"Example/App:1"', hint: 'did you mean example/app:1?' },
  ],
  [
    'a volume without a name',
    'agent-config:\n  hooksVolume: { emptyDir: {} }\n',
    { where: 'c.yaml:2:3', message: "agent-config.hooksVolume.name can't be used" },
  ],
  [
    'two volumes of one name',
    'agent-config:\n  hooksVolume: { name: a }\n  pluginsVolume: { name: a }\n',
    {
      where: 'c.yaml:3:20',
      found: '"a", which is the name of the volume of agent-config.hooksVolume',
    },
  ],
]

t.test('what can not be used is named with the line and column of its key', async t => {
  for (const [what, text, evidence] of faults) {
    const problem = refusal(t, text)
    t.match(problem, { code: 'CONFIG_INVALID', ...evidence }, what)
    t.notMatch(problemText(problem), /hunter/, what)
  }
})

t.test('all that is wrong is said at once, in the order of the file', async t => {
  const text = [
    'agent-config:',
    '  additional-hooks:',
    '    - path: /a',
    '    - volume: { emptyDir: {} }',
    '    - {}',
    '  hookspath: /x',
    'default-metadata: { labels: { job-spawner/x: a } }',
    '',
  ]
  const problem = refusal(t, text.join('\n'))
  t.match(problem, {
    message: "7 things in the settings can't be used",
    where: 'c.yaml:3:7 and below',
  })
  t.same(
    problem.found?.match(/c\.yaml:\S+ \S+(?=:)/g),
    [
      'c.yaml:3:7 agent-config.additional-hooks[0].volume',
      'c.yaml:4:7 agent-config.additional-hooks[1].path',
      'c.yaml:4:7 agent-config.additional-hooks[1].volume.name',
      'c.yaml:5:7 agent-config.additional-hooks[2].path',
      'c.yaml:5:7 agent-config.additional-hooks[2].volume',
      'c.yaml:6:3 agent-config.hookspath',
      'c.yaml:7:31 default-metadata.labels["job-spawner/x"]',
    ],
    String(problem.found),
  )
})

t.test('the operator may allow commands for our own containers', async t => {
  const patch = { containers: [{ name: 'agent', command: ['x'], args: ['y'] }] }
  t.match(refusal(t, { 'pod-spec-patch': patch }), { message: /^2 things/ })
  const config = load(t, {
    'pod-spec-patch': patch,
    'allow-pod-spec-patch-unsafe-command-modification': true,
  })
  t.same(config.podSpecPatch, patch)
})

t.test('anchors, merges and modes of files read as in any YAML of Kubernetes', async t => {
  const text = `
resource-classes:
  small: &small { resource: { requests: { cpu: 1 } }, nodeSelector: { pool: a } }
  large: { <<: *small, nodeSelector: { pool: b } }
  same: *small
agent-config:
  hooksVolume: { name: hooks, configMap: { name: hooks, defaultMode: 0555 } }
`
  const { resourceClasses, agentConfig } = load(t, text)
  const resource = { requests: { cpu: 1 } }
  t.same(resourceClasses, {
    small: { resource, nodeSelector: { pool: 'a' } },
    large: { resource, nodeSelector: { pool: 'b' } },
    same: { resource, nodeSelector: { pool: 'a' } },
  })
  t.equal(agentConfig?.hooksVolume?.configMap?.defaultMode, 0o555)
})

t.test('what is wrong behind an anchor is blamed where it is written', async t => {
  const written = 'resource-classes:\n  small: &s\n    nodeSelector: { -bad: x }\n'
  for (const other of ['  large: *s\n', '  large: { <<: *s }\n', '  large: { <<: [*s] }\n']) {
    const { found } = refusal(t, written + other)
    t.match(found, 'c.yaml:3:21 resource-classes.large.nodeSelector.-bad', other)
  }
  t.match(refusal(t, 'agent-config: { shell: *nothing }\n'), { code: 'CONFIG_FILE' })
})
