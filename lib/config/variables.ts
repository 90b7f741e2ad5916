import { Problem } from '../errors.js'
import { nearest } from '../schemas.js'
import { scalars, structures } from './schema.js'

const prefix = 'JOB_SPAWNER_'
// Two names of which one is much longer are two names.
const mostLetters = 2
// What Kubernetes gives the pods of a namespace for a Service job-spawner, or job-spawner-gateway; no setting of ours.
const ofService = /_(SERVICE_HOST|PORT)(_|$)/

/**
 * Refuses variables that somebody may believe to work: one for a setting that only the file can hold, and one whose name
 * is nearly that of a setting. Others are not ours to judge.
 * @throws Problem CONFIG_INVALID
 */
export function refuseVariables(env: NodeJS.ProcessEnv): void {
  const [name] = structures().find(([key]) => env[variable(key)]) ?? []
  if (name !== undefined) throw structured(name)
  const known = [...scalars().map(([, option]) => option.env), `${prefix}CONFIG`]
    .filter(one => one.startsWith(prefix))
    .map(bare)
  for (const one of Object.keys(env)) {
    if (!one.startsWith(prefix) || !env[one] || ofService.test(one)) continue
    if (known.includes(bare(one))) continue
    const near = nearest(bare(one), known)
    if (near !== undefined && Math.abs(near.length - bare(one).length) <= mostLetters)
      throw mistyped(one, `${prefix}${near.toUpperCase()}`)
  }
}

function bare(name: string): string {
  return name.slice(prefix.length).toLowerCase()
}

function variable(name: string): string {
  return `${prefix}${name.toUpperCase().replaceAll('-', '_')}`
}

function structured(name: string): Problem {
  return new Problem('CONFIG_INVALID', `${name} can't be set by a variable`, {
    where: variable(name),
    wanted: `${name} in the config file`,
    found: 'a variable',
    hint: `unset the variable, and write ${name} in the file that --config names`,
  })
}

function mistyped(name: string, near: string): Problem {
  return new Problem('CONFIG_INVALID', 'unknown variable', {
    where: name,
    wanted: 'the variable of a setting',
    hint: `did you mean ${near}?`,
  })
}
