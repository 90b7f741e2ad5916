/**
 * Whether a pod asks for more than a quota allows altogether: `exceeded quota: NAME, requested: cpu=4, used: cpu=1,
 * limited: cpu=2`. It would not fit when nothing else ran. A quota of nothing is how a namespace is closed for a while.
 */
export function exceedsQuota(said: string): boolean {
  const requested = amounts(/exceeded quota: [^,]+, requested: (.*?), used: /.exec(said)?.[1])
  const limited = amounts(/, limited: (.*)$/.exec(said)?.[1])
  return [...requested].some(([name, amount]) => {
    const limit = limited.get(name) ?? 0
    return limit > 0 && amount > limit
  })
}

function amounts(list: string | undefined): Map<string, number> {
  const pairs = (list ?? '').split(',').map(pair => pair.split('='))
  return new Map(
    pairs.flatMap(([name, amount]) => {
      const value = quantity(amount ?? '')
      return name && value !== undefined ? [[name.trim(), value] as const] : []
    }),
  )
}

// Kubernetes' quantities: 100m, 1.5, 4k, 2Gi.
function quantity(text: string): number | undefined {
  const [, digits, suffix = ''] = /^([\d.]+)(m|k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)?$/.exec(text.trim()) ?? []
  const factor = factors[suffix]
  return digits === undefined || factor === undefined ? undefined : Number(digits) * factor
}

const factors: Record<string, number> = {
  '': 1,
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
}
