import { options, type Option } from '../config/schema.js'

const overview = `job-spawner: runs every Buildkite job as one Kubernetes Job

  job-spawner run [flags]                    be the agents of a queue
  job-spawner sandbox [pipeline.yml] [flags] run a pipeline here, without Buildkite and without a cluster
  job-spawner version

job-spawner VERB --help tells the flags of a verb.
`

const sandboxHelp = `job-spawner sandbox [pipeline.yml] [flags]

Runs the steps of a pipeline (the sample one by default) with an emulated Buildkite. Without --context or --kubeconfig
the cluster is emulated too, and the commands run as plain processes of this machine: no isolation, no images.

  --context NAME         run in a real cluster: a context of the kubeconfig, such as kind-kind
  --kubeconfig FILE      the kubeconfig of a real cluster
  --namespace NAME       namespace of the Jobs
  --agent-image IMAGE    image with buildkite-agent (real cluster only)
  --image-pull-policy P  Always, IfNotPresent or Never (real cluster only)
  --gateway-url URL      http://host:port at which pods reach this machine (real cluster only)
  --repo URL             repository that the checkout clones; none by default
  --out DIR              where the manifests, logs and artifacts are left; a new temporary folder by default
  --max-in-flight N      jobs at once; 4 by default
  --log-level LEVEL      the spawner's own log on standard error; silent by default
`

/** The text of `--help`, of a verb when one is named. */
export function usage(verb: string | undefined): string {
  if (verb === 'run') return runHelp()
  if (verb === 'sandbox') return sandboxHelp
  return overview
}

function runHelp(): string {
  const rows = Object.entries(options).map(([name, option]) => optionHelp(name, option))
  return `job-spawner run [flags]\n\n${rows.join('\n')}\n  --config FILE  (JOB_SPAWNER_CONFIG)\n      YAML file with these settings, each key a flag's name without the dashes.\n`
}

function optionHelp(name: string, option: Option): string {
  const value =
    option.defaultDoc ?? (option.default === null ? undefined : JSON.stringify(option.default))
  return `  --${name}  (${option.env})\n      ${option.doc}${value === undefined ? '' : ` Default: ${value}.`}`
}
