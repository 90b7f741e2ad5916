import { nearest, typeName } from '../schemas.js'
import type { Fault, Path } from './fault.js'
import { isQuantity } from './formats.js'
import { labelFaults } from './metadata-rules.js'
import { keysOf } from './values.js'

/**
 * What is wrong with the resource classes: the default one must be there, amounts are quantities, and nodes have legal
 * labels.
 */
export function classFaults(classes: unknown, defaultName: string | undefined): Fault[] {
  const ofEach = Object.entries(keysOf(classes)).flatMap(([name, one]) => {
    const path: Path = ['resource-classes', name]
    return [
      ...(['resource', 'podResource'] as const).flatMap(key =>
        amountFaults(keysOf(one)[key], [...path, key]),
      ),
      ...labelFaults(keysOf(one)['nodeSelector'], [...path, 'nodeSelector']),
    ]
  })
  return [...missingDefault(Object.keys(keysOf(classes)), defaultName), ...ofEach]
}

function amountFaults(resources: unknown, path: Path): Fault[] {
  return (['requests', 'limits'] as const).flatMap(kind =>
    Object.entries(keysOf(keysOf(resources)[kind]))
      .filter(([, amount]) => !isAmount(amount))
      .map(([key, amount]) => ({
        path: [...path, kind, key],
        wanted: 'a quantity, such as 500m or 2Gi',
        found: typeof amount === 'string' ? JSON.stringify(amount) : typeName(amount),
        hint: 'write a number with one of m, k, M, G, T, Ki, Mi, Gi, Ti, or none',
      })),
  )
}

// None of something is an amount as well.
function isAmount(value: unknown): boolean {
  return (
    value === 0 || value === '0' || isQuantity(typeof value === 'number' ? String(value) : value)
  )
}

function missingDefault(names: readonly string[], wanted: string | undefined): Fault[] {
  if (wanted === undefined || names.includes(wanted)) return []
  const near = nearest(wanted, names)
  const known = names.length === 0 ? 'resource-classes, which is empty' : names.join(', ')
  return [
    {
      path: ['default-resource-class-name'],
      wanted: `one of: ${known}`,
      found: JSON.stringify(wanted),
      hint: near === undefined ? 'add the class to resource-classes' : `did you mean ${near}?`,
    },
  ]
}
