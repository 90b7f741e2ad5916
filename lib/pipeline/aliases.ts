import { visit, type Alias, type Document } from 'yaml'

/** An alias that cannot be followed: its place in characters, and why. */
export interface BrokenAlias {
  offset: number
  found: string
  hint: string
}

/** The first alias of the document that stands for nothing, or for something that it is itself a part of. */
export function brokenAlias(document: Document): BrokenAlias | undefined {
  const anchors = new Map<string, unknown>()
  let broken: BrokenAlias | undefined
  visit(document, {
    Value: (_key, node) => {
      if (node.anchor !== undefined) anchors.set(node.anchor, node)
    },
    Alias: (_key, alias, path) => {
      const target = anchors.get(alias.source)
      if (target !== undefined && !(path as readonly unknown[]).includes(target)) return undefined
      broken = brokenOf(alias, target !== undefined)
      return visit.BREAK
    },
  })
  return broken
}

function brokenOf({ source, range }: Alias, isInside: boolean): BrokenAlias {
  return {
    offset: range?.[0] ?? 0,
    found: isInside
      ? `*${source} inside of what &${source} names`
      : `*${source}, and no &${source}`,
    hint: isInside ? 'write the value out' : `put &${source} before the value that it stands for`,
  }
}
