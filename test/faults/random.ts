/** Chance that is the same for the same seed. */
export class Random {
  #state: number

  constructor(seed: number | string) {
    this.#state = hash(String(seed))
  }

  /** From 0 to below 1. */
  next(): number {
    // mulberry32
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = this.#state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }

  /** A whole number from `least` to `most`, both included. */
  between(least: number, most: number): number {
    return least + Math.floor(this.next() * (most - least + 1))
  }

  /** True that often: 0 is never, 1 is always. */
  chance(share: number): boolean {
    return this.next() < share
  }

  pick<T>(from: readonly T[]): T {
    const found = from[Math.floor(this.next() * from.length)]
    if (found === undefined) throw new TypeError('there is nothing to pick from')
    return found
  }

  /** Some of them, in the order in which they stand. */
  sample<T>(from: readonly T[], count: number): T[] {
    const left = from.map((value, index) => ({ value, index }))
    while (left.length > count) left.splice(this.between(0, left.length - 1), 1)
    return left.toSorted((a, b) => a.index - b.index).map(({ value }) => value)
  }
}

// xmur3, once
function hash(text: string): number {
  let mixed = 1779033703 ^ text.length
  for (const letter of text) {
    mixed = Math.imul(mixed ^ (letter.codePointAt(0) ?? 0), 3432918353)
    mixed = (mixed << 13) | (mixed >>> 19)
  }
  mixed = Math.imul(mixed ^ (mixed >>> 16), 2246822507)
  return (mixed ^ (mixed >>> 13)) >>> 0
}
