import { Counter, Gauge, Histogram, Registry } from 'prom-client'

/** Of each label the values that there are. Few of them, and no ids or names: each combination is kept for ever. */
export type Labels<L extends string> = Readonly<Record<L, readonly string[]>>

/** What each metric of ours begins with. */
export const prefix = 'job_spawner_'

/**
 * Makes metrics in a registry of their own. Each combination of the labels' values is there from the start, with 0, so
 * that an alert on an increase sees the first one.
 */
export class Instruments {
  readonly registry = new Registry()

  /** Something that is counted; its name ends in `_total`. */
  counter<L extends string = never>(name: string, help: string, labels?: Labels<L>): Counter<L> {
    const counter = new Counter<L>(this.described(name, help, labels))
    if (labels) for (const values of combinations(labels)) counter.inc(values, 0)
    return counter
  }

  /** Something that takes time, in seconds, or has a size. */
  histogram<L extends string = never>(
    name: string,
    help: string,
    { buckets, labels }: { buckets: readonly number[]; labels?: Labels<L> },
  ): Histogram<L> {
    const histogram = new Histogram<L>({
      ...this.described(name, help, labels),
      buckets: [...buckets],
    })
    if (labels) for (const values of combinations(labels)) histogram.zero(values)
    return histogram
  }

  /** Something that is read when somebody asks; the values of all labels are set by `read`. */
  gauge<L extends string = never>(
    name: string,
    help: string,
    { labels, read }: { labels?: readonly L[]; read: (gauge: Gauge<L>) => void },
  ): void {
    new Gauge<L>({
      name: prefix + name,
      help,
      labelNames: labels ?? [],
      registers: [this.registry],
      collect() {
        read(this)
      },
    })
  }

  private described<L extends string>(name: string, help: string, labels?: Labels<L>) {
    const labelNames = Object.keys(labels ?? {}) as L[]
    return { name: prefix + name, help, labelNames, registers: [this.registry] }
  }
}

/** Buckets for calls over a network, in seconds. */
export const callBuckets = [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]

function combinations<L extends string>(labels: Labels<L>): Record<L, string>[] {
  const entries = Object.entries(labels) as [L, readonly string[]][]
  return entries.reduce<Record<L, string>[]>(
    (made, [name, values]) => made.flatMap(one => values.map(value => ({ ...one, [name]: value }))),
    [{} as Record<L, string>],
  )
}
