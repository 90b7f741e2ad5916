import t from 'tap'
import { pluginPath, pluginSource } from '../../lib/pipeline/plugins.js'

const sources: [source: string, full: string][] = [
  ['kubernetes', 'github.com/buildkite-plugins/kubernetes-buildkite-plugin'],
  ['docker#v1', 'github.com/buildkite-plugins/docker-buildkite-plugin#v1'],
  ['acme/lint#main', 'github.com/acme/lint-buildkite-plugin#main'],
  ['https://git.example/p.git#v1', 'https://git.example/p.git#v1'],
  ['./local', './local'],
  ['github.com/acme/x-buildkite-plugin', 'github.com/acme/x-buildkite-plugin'],
]

for (const [source, full] of sources) {
  t.test(`the plugin ${source} is ${full}`, async t => t.equal(pluginSource(source), full))
}

t.test("the kubernetes plugin's body is found among the others", async t => {
  const table: [plugins: unknown, path: (string | number)[]][] = [
    [
      ['docker#v1', { 'x#v1': {}, kubernetes: {} }],
      ['p', 1, 'kubernetes'],
    ],
    [{ docker: {}, 'kubernetes#v2': {} }, ['p', 'kubernetes#v2']],
    [['docker'], ['p']],
    [undefined, ['p']],
  ]
  for (const [plugins, path] of table) t.same(pluginPath({ p: plugins }, ['p']), path)
})
