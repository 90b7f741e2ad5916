/** The pipeline that `job-spawner sandbox` runs when none is named: each thing that a first look should see, once. */
export const samplePipeline = `steps:
  - label: build
    key: build
    command:
      - echo "building $BUILDKITE_PIPELINE_SLUG, build $BUILDKITE_BUILD_NUMBER"
      - mkdir -p out && date > out/built-at.txt
      - buildkite-agent artifact upload 'out/*'
      - buildkite-agent meta-data set built-by "$BUILDKITE_AGENT_NAME"

  - label: test %n
    depends_on: build
    parallelism: 2
    command: |
      echo "part $((BUILDKITE_PARALLEL_JOB + 1)) of $BUILDKITE_PARALLEL_JOB_COUNT"
      for i in 1 2 3; do echo "test $i ok"; sleep 0.3; done

  - wait

  - label: report
    command:
      - buildkite-agent artifact download 'out/*' .
      - echo "built at $(cat out/built-at.txt) by $(buildkite-agent meta-data get built-by)"
      - buildkite-agent annotate --style success "all parts passed"
    plugins:
      - kubernetes:
          metadata:
            labels:
              team: sandbox
`
