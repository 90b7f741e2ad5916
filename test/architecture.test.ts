import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import ts from 'typescript'

const lib = fileURLToPath(new URL('../lib/', import.meta.url))

// What lies below everything, and may be imported from anywhere but lib/pod.
const ground = [
  'errors',
  'schemas',
  'kubernetes-names',
  'log',
  'clock',
  'fence',
  'listening',
  'pod-token',
  'version',
]

// The doors of the pod builder: what is given, the Job that it becomes, and what became of its pod.
const pod = ['pod', 'pod/given', 'pod/verdict', 'pod/narration', 'pod/last-words']

/**
 * Which rooms a room may import values of; its own files it may always. Types may come from anywhere. A room that is
 * missing here fails the test: a new one is a decision.
 */
const allowed: Record<string, readonly string[]> = {
  errors: [],
  clock: [],
  fence: [],
  listening: ['errors'],
  'pod-token': [],
  log: ['errors'],
  version: [],
  types: [],
  'kubernetes-names': [],
  schemas: ['errors'],
  config: ground,
  pod: ['errors', 'kubernetes-names', 'pod-token', 'pod/containers', 'pod/merge', 'pod/given'],
  'pod/containers': ['errors', 'kubernetes-names', 'pod-token', 'pod/given'],
  'pod/given': ['errors', 'kubernetes-names', 'schemas'],
  'pod/merge': ['schemas', 'types'],
  'pod/verdict': [],
  'pod/narration': ['pod/verdict'],
  'pod/last-words': ['pod/containers', 'pod/narration', 'pod/verdict'],
  metrics: ['pod/verdict', ...ground],
  status: ['metrics', ...ground],
  cluster: ground,
  ledger: ['cluster', ...ground],
  lease: ['cluster', ...ground],
  upstream: ground,
  slots: ['upstream', ...ground],
  gateway: ['upstream', ...ground],
  supervise: ['cluster', ...pod, ...ground],
  run: ['supervise', 'status', 'slots', 'gateway', 'upstream', 'ledger', 'lease', 'cluster'].concat(
    pod,
    ground,
  ),
  // What Buildkite makes of a pipeline: the emulator, `render` and `lint` must agree on it.
  pipeline: ['errors', 'schemas'],
  sandbox: ground,
  'sandbox/buildkite': ['pipeline', ...ground],
  'sandbox/pod-agent': ground,
  // The embedded cluster starts the agents of its pods.
  'sandbox/cluster': ['sandbox/pod-agent', ...ground],
  commands: ['run', 'sandbox', 'sandbox/buildkite', 'sandbox/cluster', 'cluster', 'ledger'].concat(
    ['lease', 'metrics', 'status', 'commands/render', 'commands/lint', 'config'],
    ground,
  ),
  'commands/render': ['run', 'pipeline', ...pod, 'cluster', 'ledger', 'config', ...ground],
  'commands/lint': ['commands/render', 'pipeline', ...pod, 'config', ...ground],
}

/** The only rooms that may know a package. One that is not here may be imported by none. */
const packages: Record<string, readonly string[]> = {
  convict: ['config'],
  ms: ['config'],
  ajv: ['schemas'],
  'fastest-levenshtein': ['schemas'],
  pino: ['log'],
  undici: ['upstream', 'gateway', 'cluster', 'sandbox', 'sandbox/pod-agent', 'sandbox/buildkite'],
  '@kubernetes/client-node': ['cluster'],
  'prom-client': ['metrics'],
  busboy: ['sandbox/buildkite'],
  diff: ['commands/render'],
  yaml: [
    'commands/render',
    'config',
    'pipeline',
    'sandbox',
    'sandbox/cluster',
    'sandbox/pod-agent',
  ],
}

interface Import {
  /** Below lib/, such as `pod/build.ts`. */
  from: string
  /** A file below lib/, or the specifier as it stands. */
  to: string
  isOurs: boolean
}

/** What a file imports, or exports of others, when it runs: not what is for types alone. */
function valueImports(file: string): Import[] {
  const source = ts.createSourceFile(file, readFileSync(join(lib, file), 'utf8'), 99, true)
  const found: string[] = []
  const visit = (node: ts.Node): void => {
    const specifier = specifierOf(node)
    if (specifier !== undefined) found.push(specifier)
    ts.forEachChild(node, visit)
  }
  visit(source)
  return found.map(specifier => {
    const isOurs = specifier.startsWith('.')
    const path = join(dirname(file), specifier).replace(/\.js$/, '.ts')
    return { from: file, to: isOurs ? path : specifier, isOurs }
  })
}

function specifierOf(node: ts.Node): string | undefined {
  if (ts.isImportDeclaration(node)) {
    return node.importClause?.isTypeOnly ? undefined : textOf(node.moduleSpecifier)
  }
  if (ts.isExportDeclaration(node) && node.moduleSpecifier) {
    return node.isTypeOnly ? undefined : textOf(node.moduleSpecifier)
  }
  const isDynamic =
    ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword
  return isDynamic && node.arguments[0] ? textOf(node.arguments[0]) : undefined
}

function textOf(node: ts.Expression): string {
  return ts.isStringLiteral(node) ? node.text : node.getText()
}

/** The room of a file: its folder, or for the ground its own name. */
function room(file: string): string {
  const folder = dirname(file)
  return folder === '.' ? file.replace(/\.ts$/, '') : folder
}

/** The pod builder and the verdict, with the rooms below. */
function isPure(file: string): boolean {
  return file.startsWith('pod/')
}

function packageOf(specifier: string): string {
  const parts = specifier.split('/')
  return parts.slice(0, specifier.startsWith('@') ? 2 : 1).join('/')
}

const files = readdirSync(lib, { recursive: true, withFileTypes: true })
  .filter(entry => entry.isFile() && entry.name.endsWith('.ts'))
  .map(entry => relative(lib, join(entry.parentPath, entry.name)))
const imports = files.flatMap(valueImports)
const ours = imports.filter(({ isOurs }) => isOurs)

t.test('every room has its row, and every import is found', async t => {
  for (const file of files) t.ok(allowed[room(file)], `${room(file)} (${file})`)
  t.ok(ours.length > 200, `${ours.length} imports`)
  for (const { from, to } of ours) t.ok(files.includes(to), `${from} imports ${to}`)
})

t.test('rooms import downwards only', async t => {
  for (const { from, to } of ours) {
    const target = room(to)
    if (target === room(from) || target === 'types') continue
    t.ok(allowed[room(from)]?.includes(target), `${from} imports ${to}`)
  }
})

t.test('no file imports itself, by whatever way round', async t => {
  const next = new Map(files.map(file => [file, [] as string[]]))
  for (const { from, to } of ours) next.get(from)?.push(to)
  const done = new Set<string>()
  const cycles: string[] = []
  const walk = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) {
      cycles.push([...path.slice(path.indexOf(file)), file].join(' → '))
      return
    }
    if (done.has(file)) return
    for (const to of next.get(file) ?? []) walk(to, [...path, file])
    done.add(file)
  }
  for (const file of files) walk(file, [])
  t.same(cycles, [])
})

t.test('the pod builder is pure: no module of Node, and no time or chance', async t => {
  const pod = imports.filter(({ from }) => isPure(from))
  for (const { from, to, isOurs } of pod) t.ok(isOurs, `${from} imports ${to}`)
  for (const file of files.filter(isPure)) {
    const text = readFileSync(join(lib, file), 'utf8')
    t.notMatch(text, /\bprocess\.\w|Date\.now|new Date\(\)|Math\.random|fetch\(|console\./, file)
  }
})

t.test('each package is known to its rooms only, and each one of ours is used', async t => {
  const foreign = imports.filter(({ to, isOurs }) => !isOurs && !to.startsWith('node:'))
  for (const { from, to } of foreign) {
    t.ok(packages[packageOf(to)]?.includes(room(from)), `${from} imports ${to}`)
  }
  const manifest = JSON.parse(readFileSync(join(lib, '../package.json'), 'utf8')) as {
    dependencies: Record<string, string>
  }
  const used = new Set(foreign.map(({ to }) => packageOf(to)))
  t.same([...used].toSorted(), Object.keys(manifest.dependencies).toSorted())
})

t.test("Node's modules are named as such", async t => {
  const bare = imports.filter(({ to, isOurs }) => !isOurs && !(packageOf(to) in packages))
  for (const { from, to } of bare) t.match(to, /^node:/, `${from} imports ${to}`)
})
