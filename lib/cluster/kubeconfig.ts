import { accessSync, constants, readFileSync } from 'node:fs'
import { isIPv6 } from 'node:net'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
import { KubeConfig } from '@kubernetes/client-node'
import { Problem } from '../errors.js'

/** Where Kubernetes puts a pod's own credentials. */
export const serviceAccountFolder = '/var/run/secrets/kubernetes.io/serviceaccount'

/** What decides which cluster is meant: the operator's two settings, and the environment. */
export interface KubeConfigChoice {
  /** A file, or a list of files as in the environment variable KUBECONFIG. */
  kubeconfig?: string
  context?: string
  env: NodeJS.ProcessEnv
  /** Only tests put the service account elsewhere. */
  serviceAccount?: string
}

/**
 * The kubeconfig to use: the pod's own service account when nothing is named and we are in a cluster, else the files
 * of `kubeconfig`, of KUBECONFIG, or `~/.kube/config`. Its current context, cluster and server exist.
 * @throws Problem KUBECONFIG
 */
export function loadKubeConfig(choice: KubeConfigChoice): KubeConfig {
  const { kubeconfig, context, env, serviceAccount = serviceAccountFolder } = choice
  if (!kubeconfig && !context && inCluster(env, serviceAccount)) {
    return serviceAccountConfig(env, serviceAccount)
  }
  const files = kubeconfigFiles(kubeconfig || env['KUBECONFIG'], env)
  const config = mergedConfig(files)
  if (context) config.setCurrentContext(context)
  checkSelection(config, files.join(delimiter))
  return config
}

/** Whether this process runs in a pod that has a service account. */
export function inCluster(env: NodeJS.ProcessEnv, serviceAccount = serviceAccountFolder): boolean {
  return (
    Boolean(env['KUBERNETES_SERVICE_HOST'] && env['KUBERNETES_SERVICE_PORT']) &&
    readable(join(serviceAccount, 'token'))
  )
}

/** The namespace of the pod that this process runs in; nothing outside a cluster. */
export function ownNamespace(serviceAccount = serviceAccountFolder): string | undefined {
  try {
    return readFileSync(join(serviceAccount, 'namespace'), 'utf8').trim() || undefined
  } catch {
    return undefined
  }
}

/** As client-node's `loadFromCluster`, which reads `process.env` and so cannot be handed an environment. */
function serviceAccountConfig(env: NodeJS.ProcessEnv, folder: string): KubeConfig {
  const host = env['KUBERNETES_SERVICE_HOST'] ?? ''
  const server = `https://${isIPv6(host) ? `[${host}]` : host}:${env['KUBERNETES_SERVICE_PORT']}`
  const config = new KubeConfig()
  const tokenFile = join(folder, 'token')
  config.loadFromClusterAndUser(
    { name: 'in-cluster', server, caFile: join(folder, 'ca.crt'), skipTLSVerify: false },
    { name: 'service-account', authProvider: { name: 'tokenFile', config: { tokenFile } } },
  )
  return config
}

/** The files to read. Of a list, files that are missing are left out, as kubectl does. */
function kubeconfigFiles(list: string | undefined, env: NodeJS.ProcessEnv): string[] {
  const home = env['HOME'] || env['USERPROFILE'] || homedir()
  const named = (list ?? '').split(delimiter).filter(file => file !== '')
  const files = named.length > 0 ? named : [join(home, '.kube', 'config')]
  const present = files.filter(readable)
  return present.length > 0 ? present : files
}

/** One config of several files; the first file to name a thing wins, as kubectl does. */
function mergedConfig(files: string[]): KubeConfig {
  const configs = files.map(readConfig)
  const merged = new KubeConfig()
  merged.loadFromOptions({
    clusters: firstOfEachName(configs.flatMap(config => config.clusters)),
    users: firstOfEachName(configs.flatMap(config => config.users)),
    contexts: firstOfEachName(configs.flatMap(config => config.contexts)),
    currentContext: configs.map(config => config.currentContext).find(Boolean),
  })
  return merged
}

function firstOfEachName<T extends { name: string }>(things: T[]): T[] {
  return things.filter((thing, at) => things.findIndex(({ name }) => name === thing.name) === at)
}

/** Entries of the file that are incomplete are left out: only the selected ones need to be whole. */
function readConfig(file: string): KubeConfig {
  const config = new KubeConfig()
  try {
    config.loadFromFile(file, { onInvalidEntry: 'filter' })
    return config
  } catch (error) {
    throw new Problem('KUBECONFIG', 'the kubeconfig cannot be read', {
      where: file,
      wanted: 'a kubeconfig file (YAML)',
      found: whatIsWrong(error),
      hint: 'name a kubeconfig with --kubeconfig, and one of its contexts with --context',
    })
  }
}

/** In our own words: the YAML parser's message quotes the lines around the fault, and those may be a token. */
function whatIsWrong(error: unknown): string {
  const { code, mark } = error as { code?: string; mark?: { line?: number } }
  if (code === 'ENOENT') return 'no such file'
  if (code !== undefined) return `a file that cannot be read (${code})`
  if (mark?.line !== undefined) return `line ${mark.line + 1} is not YAML`
  return 'no kubeconfig: it is empty, or of another form'
}

function checkSelection(config: KubeConfig, where: string): void {
  const refuse = (message: string, wanted: string, found: string) => {
    const hint = 'choose with --context, or name another file with --kubeconfig'
    throw new Problem('KUBECONFIG', message, { where, wanted, found, hint })
  }
  const names = config.contexts.map(({ name }) => name).toSorted()
  const known = names.length === 0 ? 'a file with contexts' : `one of: ${names.join(', ')}`
  const chosen = config.currentContext
  if (!chosen) return refuse('The kubeconfig has no current context.', known, 'none chosen')
  const context = config.getContextObject(chosen)
  if (!context) return refuse('The kubeconfig has no such context.', known, chosen)
  const server = config.getCurrentCluster()?.server
  const cluster = `cluster ${JSON.stringify(context.cluster)} of context ${JSON.stringify(chosen)}`
  if (!server) return refuse(`The ${cluster} has no server.`, 'an http or https URL', 'none')
  if (!/^https?:\/\/[^/]/.test(server) || !URL.canParse(server)) {
    return refuse(`The server of ${cluster} is no URL.`, 'an http or https URL', 'something else')
  }
  if (context.user && !config.getCurrentUser()) {
    return refuse(
      `The context ${JSON.stringify(chosen)} has an unknown user.`,
      'one of its users',
      context.user,
    )
  }
  checkFiles(config)
}

function checkFiles(config: KubeConfig): void {
  const user = config.getCurrentUser()
  const cluster = config.getCurrentCluster()
  for (const file of [cluster?.caFile, user?.certFile, user?.keyFile]) {
    if (!file || readable(file)) continue
    throw new Problem('KUBECONFIG', 'a file that the kubeconfig names cannot be read', {
      where: file,
      wanted: 'a certificate or key that this process may read',
      found: 'no such file, or no permission',
      hint: 'name another kubeconfig with --kubeconfig, or another context with --context',
    })
  }
}

function readable(file: string): boolean {
  try {
    accessSync(file, constants.R_OK)
    return true
  } catch {
    return false
  }
}
