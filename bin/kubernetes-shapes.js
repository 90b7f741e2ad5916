// What `generate.js` makes of Kubernetes' published OpenAPI (version 2): the shapes that pods are made of, and what
// strategic merge patches need to know of them.

const roots = ['PodSpec']
const kept = ['x-kubernetes-patch-merge-key', 'x-kubernetes-patch-strategy']

// The published schema says how these are written out; read they may be either.
const looser = {
  IntOrString: { type: ['integer', 'string'] },
  Quantity: { type: ['number', 'string'] },
}

/** A JSON Schema with PodSpec and all that it refers to, by short names, sorted. */
export function kubernetesSchema({ definitions, info }) {
  const shapes = new Map()
  const wanted = roots.map(name => `io.k8s.api.core.v1.${name}`)
  for (const name of wanted) {
    if (shapes.get(shortName(name)) === name) continue
    if (shapes.has(shortName(name))) throw new Error(`two definitions are called ${name}`)
    shapes.set(shortName(name), name)
    wanted.push(...references(definitions[name]))
  }
  const made = [...shapes].map(([short, name]) => [
    short,
    looser[short] ?? shape(definitions[name]),
  ])
  made.push(['PodSpecPatch', { type: 'object' }])
  return {
    $id: 'kubernetes.json',
    title: 'Kubernetes',
    $comment: `Kubernetes ${info.version}. Made by \`npm run generate -- --openapi FILE\`, with FILE from \`kubectl get --raw /openapi/v2\`. What is required, and which values are allowed, the API server judges.`,
    definitions: Object.fromEntries(sorted(made)),
  }
}

/** The source of a TypeScript table: definition → field → how a strategic merge patch changes it. */
export function mergeTable({ definitions }) {
  const lines = Object.entries(definitions).flatMap(([name, { properties = {} }]) => {
    const fields = Object.entries(properties).flatMap(([field, property]) => {
      const entry = mergeEntry(property, definitions)
      return entry ? [`    ${field}: { ${entry} },`] : []
    })
    return fields.length === 0 ? [] : [`  ${name}: {`, ...fields, '  },']
  })
  return [tableHead, ...lines, '}', ''].join('\n')
}

const tableHead = `// Generated from schemas/kubernetes.json by \`npm run generate\`. Do not edit.

/** How a strategic merge patch changes a field. */
export interface MergeField {
  /** The definition of the object, or of the elements of the list; absent for scalars and maps. */
  type?: string
  list?: true
  /** The key that tells the elements of a merged list of objects apart. */
  mergeKey?: string
  /** Empty: a list is replaced, an object is merged. */
  strategies: readonly ('merge' | 'replace' | 'retainKeys')[]
}

/** The fields of Kubernetes' objects that are lists or objects: definition → field. */
export const kubernetesMerge: Readonly<Record<string, Readonly<Record<string, MergeField>>>> = {`

function mergeEntry(property, definitions) {
  const isList = property.type === 'array'
  const type = shortName((isList ? property.items : property).$ref ?? '')
  const isObject = definitions[type]?.properties !== undefined
  if (!isList && !isObject) return undefined
  const mergeKey = property['x-kubernetes-patch-merge-key']
  const strategies = property['x-kubernetes-patch-strategy']?.split(',') ?? []
  return [
    isObject && `type: '${type}'`,
    isList && 'list: true',
    mergeKey && `mergeKey: '${mergeKey}'`,
    `strategies: [${strategies.map(one => `'${one}'`).join(', ')}]`,
  ]
    .filter(Boolean)
    .join(', ')
}

function shape({ type, properties, items, additionalProperties, $ref, ...rest }) {
  if ($ref) return { $ref: `#/definitions/${shortName($ref)}` }
  const made = { type }
  if (properties) {
    const entries = Object.entries(properties).map(([key, one]) => [key, shape(one)])
    made.properties = Object.fromEntries(sorted(entries))
  }
  if (items) made.items = shape(items)
  if (additionalProperties) made.additionalProperties = shape(additionalProperties)
  for (const key of kept) if (rest[key]) made[key] = rest[key]
  return made
}

function references(value) {
  if (typeof value !== 'object' || value === null) return []
  const own = typeof value.$ref === 'string' ? [value.$ref.replace('#/definitions/', '')] : []
  return [...own, ...Object.values(value).flatMap(references)]
}

function shortName(reference) {
  return reference.split(/[./]/).at(-1)
}

function sorted(entries) {
  return entries.toSorted(([a], [b]) => (a < b ? -1 : 1))
}
