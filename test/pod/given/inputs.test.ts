import t from 'tap'
import { jobInputs } from '../../../lib/pod/given/inputs.js'

t.test("a job's environment becomes the pod's inputs", async t => {
  const env = {
    BUILDKITE_COMMAND: 'make\nmake test',
    BUILDKITE_IMAGE: 'golang:1.24',
    BUILDKITE_BUILD_URL: 'https://buildkite.example/42',
    BUILDKITE_BUILD_NUMBER: '42',
    BUILDKITE_BRANCH: 'main',
    BUILDKITE_REPO: 'git@git.example:acme/widgets.git',
    BUILDKITE_PIPELINE_SLUG: 'widgets',
    BUILDKITE_STEP_KEY: 'test',
    BUILDKITE_LABEL: ':jest: Test',
    BUILDKITE_AGENT_META_DATA_QUEUE: 'Linux',
    BUILDKITE_AGENT_META_DATA_: 'nameless',
    BUILDKITE_AGENT_META_DATA_ARCH: 'amd64',
    SECRET: 'hunter2',
  }
  t.strictSame(jobInputs({ id: 'x', env, chunks_max_size_bytes: 1 }), {
    id: 'x',
    command: 'make\nmake test',
    image: 'golang:1.24',
    plugin: {},
    hasPlugin: false,
    tags: { arch: 'amd64', queue: 'Linux' },
    env: {
      buildUrl: 'https://buildkite.example/42',
      buildNumber: '42',
      branch: 'main',
      repo: 'git@git.example:acme/widgets.git',
      pipelineSlug: 'widgets',
      stepKey: 'test',
      stepLabel: ':jest: Test',
    },
  })
})

t.test('a job that says nothing has empty inputs', async t => {
  const { command, image, tags } = jobInputs({
    id: 'x',
    env: { BUILDKITE_IMAGE: '' },
    chunks_max_size_bytes: 1,
  })
  t.strictSame({ command, image, tags }, { command: '', image: undefined, tags: {} })
})
