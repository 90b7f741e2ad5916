import t from 'tap'
import { jobLabel, stepEnv, tagsEnv } from '../../lib/pipeline/job-env.js'
import { commandSteps, readPipeline } from '../../lib/pipeline/pipeline.js'
import { yamlSource } from '../../lib/pipeline/source.js'

function step(yaml: string) {
  const [first] = commandSteps(readPipeline(yamlSource(`[${yaml}]`, 'p')).pipeline)
  if (!first) throw new Error('no step')
  return first
}

t.test('a step is in the environment of its job as Buildkite puts it there', async t => {
  const env = stepEnv(
    step(`{ key: k, label: "part %n of %t", commands: [a, b], image: i, parallelism: 3,
      artifact_paths: "x;y", env: { OWN: 1 },
      plugins: [ kubernetes: { podTemplate: t }, "docker#v1", { "./local": ~ } ] }`),
    { parallelJob: 1 },
  )
  t.same(env, {
    BUILDKITE_STEP_KEY: 'k',
    BUILDKITE_LABEL: 'part 2 of 3',
    BUILDKITE_COMMAND: 'a\nb',
    BUILDKITE_PLUGINS: JSON.stringify([
      { 'github.com/buildkite-plugins/kubernetes-buildkite-plugin': { podTemplate: 't' } },
      { 'github.com/buildkite-plugins/docker-buildkite-plugin#v1': null },
      { './local': null },
    ]),
    BUILDKITE_IMAGE: 'i',
    BUILDKITE_ARTIFACT_PATHS: 'x;y',
    BUILDKITE_PARALLEL_JOB: '1',
    BUILDKITE_PARALLEL_JOB_COUNT: '3',
  })
})

t.test('what a step does not say is not in it', async t => {
  t.same(stepEnv(step('{ command: a }')), { BUILDKITE_COMMAND: 'a', BUILDKITE_ARTIFACT_PATHS: '' })
  t.equal(jobLabel(step('{ command: a }')), undefined)
})

t.test("an agent's tags are variables", async t => {
  t.same(tagsEnv(['queue=q', 'resource_class=big', 'a.b=c=d']), {
    BUILDKITE_AGENT_META_DATA_QUEUE: 'q',
    BUILDKITE_AGENT_META_DATA_RESOURCE_CLASS: 'big',
    BUILDKITE_AGENT_META_DATA_A_B: 'c=d',
  })
})
