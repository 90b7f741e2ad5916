/** Counts what each of many has under way, and lets each have no more than so many at a time. */
export class Crowd {
  private readonly counts = new Map<string, number>()

  constructor(private readonly most: number) {}

  /** What to call when it is over; undefined when that one has enough under way. */
  enter(who: string): (() => void) | undefined {
    const count = this.counts.get(who) ?? 0
    if (count >= this.most) return undefined
    this.counts.set(who, count + 1)
    let left = false
    return () => {
      if (left) return
      left = true
      this.leave(who)
    }
  }

  private leave(who: string): void {
    const count = this.counts.get(who) ?? 1
    if (count > 1) this.counts.set(who, count - 1)
    else this.counts.delete(who)
  }
}
