import ms, { type StringValue } from 'ms'
import { nearest } from '../schemas.js'
import { options, type Option, type OptionName } from './schema.js'

/** What to write in the place of a value that a setting does not take: what was probably meant, else its default. */
export function valueHint(name: OptionName, value: unknown): string {
  const option: Option = options[name]
  if (option.format === 'structure') return `write the keys of ${name} below it`
  const one: unknown = Array.isArray(value) && value.length === 1 ? value[0] : value
  const word = typeof one === 'string' || typeof one === 'number' ? String(one).trim() : ''
  return meant(option, word) ?? leftOut(option)
}

function meant({ format }: Option, word: string): string | undefined {
  if (Array.isArray(format)) {
    const near = nearest(word, format.filter(Boolean) as string[])
    return near === undefined ? undefined : `did you mean ${near}?`
  }
  const bare = /^\d+$/.test(word)
  if (/duration$/.test(String(format)) && bare) return `write its unit: ${word}s, or ${word}m`
  if (format === 'listen-address' && bare) return `write 0.0.0.0:${word}`
  if (format === 'positive-int') return withoutUnit(word)
  if (format === 'boolean') return yesOrNo(word)
  if (format === 'tags' && /^[\w-]+$/.test(word)) return `write queue=${word}, if it is the queue`
  const isUrl = /http-url$/.test(String(format))
  return isUrl && !/^\w+:/.test(word) ? 'begin it with https:// or http://' : undefined
}

// Seconds are whole numbers where Kubernetes has them so.
function withoutUnit(word: string): string | undefined {
  const span = /^\d+ ?(s|m|h|d)$/.test(word) ? ms(word as StringValue) : undefined
  return span === undefined ? undefined : `write the seconds alone: ${span / 1_000}`
}

function yesOrNo(word: string): string | undefined {
  if (/^(yes|on|y|1)$/i.test(word)) return 'write true'
  return /^(no|off|n|0)$/i.test(word) ? 'write false' : undefined
}

function leftOut({ default: usual, defaultDoc }: Option): string {
  if (usual === null || usual === '' || defaultDoc !== undefined)
    return 'change it, or leave it out'
  const one: unknown = Array.isArray(usual) ? usual[0] : usual
  const shown = typeof one === 'string' ? one : JSON.stringify(one)
  return `change it, or leave it out: it is ${shown} then`
}
