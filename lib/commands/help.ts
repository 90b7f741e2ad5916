import { scalars, structures, type Option, type Scalar } from '../config/schema.js'

const overview = `job-spawner: runs every Buildkite job as one Kubernetes Job

  job-spawner run [flags]                    be the agents of a queue
  job-spawner sandbox [pipeline.yml] [flags] run a pipeline here, without Buildkite and without a cluster
  job-spawner render FILE [flags]            print the Job that a step becomes; no cluster needed
  job-spawner lint FILE... [flags]           check pipelines, settings and chart values; nothing else needed
  job-spawner version

job-spawner VERB --help (or -h, or job-spawner help VERB) tells the flags of a verb.
`

const sandboxHelp = `job-spawner sandbox [pipeline.yml] [flags]

Runs the steps of a pipeline (the sample one by default) with an emulated Buildkite. Without --context or --kubeconfig
the cluster is emulated too, and the commands run as plain processes of this machine: no isolation, no images. Init
containers and sidecars of a step are shown in its Job and not run.

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

const renderHelp = `job-spawner render FILE [flags]

Prints the Job of each command step, as "run" with the same settings would make it. FILE is a pipeline, or a job's
payload as accept answers it (a map with env); - is standard input. What only a run knows has a placeholder: job ids
00000000-0000-4000-8000-00000000000N, the token, the gateway. No cluster and no token are needed.

  --step STEP            one step: its key, else its label, else its number among the command steps, from 1
  --output yaml|json     yaml by default; several Jobs are a List in json. Not with --diff
  --diff                 what each layer (settings, template, plugin, patches) changes, as git diff shows it
  --env NAME=VALUE       a variable of the job, and of $NAME in the pipeline; repeat it
  --no-interpolation     leave $NAME in the pipeline, and $$, as they are
  --pod-template FILE    where the PodTemplates stand that steps name
  --server-dry-run       ask the API server whether it takes each Job; nothing is made. PodTemplates are read from there
  --config FILE          the settings; all flags and variables of "run" are taken too

The exit status is 1 when a step cannot be rendered or the API server refuses its Job.
`

const lintHelp = `job-spawner lint FILE... [flags]

Checks pipelines, our settings and chart values, and jobs' payloads; tells of agent-stack-k8s' settings and chart
values what carries over. What a file is, its keys say. - is standard input. Nothing but the files is needed.

  --kind KIND            pipeline, config, values or payload, whatever the keys say
  --output text|json     text by default: FILE:LINE:COLUMN: error|warning|note: message
  --convert              print agent-stack-k8s' settings or values as ours; what is found goes to standard error
  --config FILE          the settings to check steps with; all flags and variables of "run" are taken too

The exit status is 1 when there is an error; warnings and notes do not count.
`

/** The text of `--help`, of a verb when one is named. */
export function usage(verb: string | undefined): string {
  if (verb === 'run') return runHelp()
  if (verb === 'sandbox') return sandboxHelp
  if (verb === 'render') return renderHelp
  if (verb === 'lint') return lintHelp
  return overview
}

function runHelp(): string {
  const flags = scalars().map(([name, option]) => flagHelp(name, option))
  const keys = structures().map(([name, option]) => `  ${name}\n      ${docOf(option)}`)
  return `job-spawner run [flags]

Each flag has a variable as well, and is a key of the config file without its dashes.

${flags.join('\n')}
  --config FILE  (JOB_SPAWNER_CONFIG)
      YAML file with these settings, each key a flag's name without the dashes.

In the config file only:

${keys.join('\n')}
`
}

function flagHelp(name: string, option: Scalar): string {
  const value = option.format === 'boolean' ? '[=true|false]' : ''
  return `  --${name}${value}  (${option.env})\n      ${docOf(option)}`
}

function docOf({ doc, default: value, defaultDoc }: Option): string {
  const text = defaultDoc ?? (value === null ? undefined : JSON.stringify(value))
  return text === undefined ? doc : `${doc} Default: ${text}.`
}
