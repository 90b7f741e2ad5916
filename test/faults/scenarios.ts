import { setTimeout as delay } from 'node:timers/promises'
import type { Plan } from './hook/plan.js'
import type { LinkState } from './link.js'
import type { Life } from './replica.js'
import { printed } from './stories.js'
import { now, within } from './time.js'
import type { FaultWorld, Member } from './world.js'

/** Two processes, jobs that run, and one thing that happens to them. */
export interface Scenario {
  name: string
  /** What is planned for the processes of each replica. */
  plans?: readonly (readonly Plan[])[]
  /** For long runs only: a short one has something much like it. */
  long?: boolean
  flags?: Record<string, string | number>
  /** The trouble; gives what is worth telling, such as how long it took. */
  run(world: FaultWorld): Promise<string | undefined>
}

// A start takes seconds on a machine that has other things to do.
const takeOverMs = 60_000

const apart: Scenario['plans'] = [[{ machine: 'one' }], [{ machine: 'two' }]]

/** What happens to a leader and a standby. */
export const scenarios: readonly Scenario[] = [
  { name: 'kill -9 of the leader', plans: apart, run: world => failover(world, kill) },
  { name: 'kill -9 of the leader, both on one machine', run: world => failover(world, kill) },
  {
    name: 'SIGTERM of the leader, which hands over',
    flags: { 'shutdown-grace': '0s' },
    plans: apart,
    run: world => failover(world, ({ replica }) => replica.signal('SIGTERM')),
  },
  {
    name: 'SIGSTOP of the leader past its lease, then SIGCONT',
    plans: apart,
    run: world =>
      failover(world, ({ replica }) => replica.signal('SIGSTOP')).then(async took => {
        for (const { replica } of world.members) replica.signal('SIGCONT')
        return took
      }),
  },
  ...(['silent', 'cut'] as const).flatMap(state => [
    {
      name: `leader without Kubernetes (${state})`,
      long: state === 'cut',
      plans: apart,
      run: (world: FaultWorld) => parted(world, state, ['kubernetes']),
    },
    {
      name: `leader without upstream (${state})`,
      long: state === 'silent',
      plans: apart,
      run: (world: FaultWorld) => parted(world, state, ['upstream']),
    },
    {
      name: `leader without both (${state})`,
      long: state === 'cut',
      plans: apart,
      run: (world: FaultWorld) => parted(world, state, ['kubernetes', 'upstream']),
    },
  ]),
  {
    name: 'nobody reaches Kubernetes for twice the lease',
    plans: apart,
    run: world => outage(world, 'kubernetes'),
  },
  {
    name: 'nobody reaches upstream for twice the lease',
    plans: apart,
    run: world => outage(world, 'upstream'),
  },
  {
    name: 'clocks ten minutes apart, and kill -9 of the leader',
    plans: [[{ machine: 'one', skewMs: 300_000 }], [{ machine: 'two', skewMs: -300_000 }]],
    run: world => failover(world, kill),
  },
  {
    name: 'kill -9 of the standby',
    plans: apart,
    run: async world => {
      const leader = await leaderOf(world)
      await world.members.find(member => member !== leader)?.replica.crash()
      return undefined
    },
  },
  {
    name: 'the leader stalls past its lease before an accept',
    plans: [0, 1].map(index => [
      {
        machine: String(index),
        stall: { effect: 'upstream PUT /jobs/:id/accept', moment: 'made', nth: 2, ms: 4_500 },
      },
    ]),
    run: async () => undefined,
  },
  {
    name: 'the leader stalls past its lease before it makes a Job',
    plans: [0, 1].map(index => [
      {
        machine: String(index),
        stall: { effect: 'kubernetes POST jobs', moment: 'made', nth: 2, ms: 4_500 },
      },
    ]),
    run: async () => undefined,
  },
  {
    name: 'pods do not reach the gateway for 3 s',
    plans: apart,
    run: async ({ service }) => {
      service.link.state = 'cut'
      await delay(3_000)
      service.link.state = 'open'
      return undefined
    },
  },
]

/** Starts both, gives them jobs, makes the trouble when they run, and gives them one more. */
export async function play(scenario: Scenario, world: FaultWorld): Promise<string | undefined> {
  const { members } = world
  members.forEach(({ replica }, index) => replica.start(...(scenario.plans?.[index] ?? [])))
  await leaderOf(world)
  const long = world.submit('long')
  world.submit('status')
  await printed(world, long)
  world.faults += 1
  const told = await scenario.run(world)
  world.submit('quick')
  return told
}

/** The replica that is ready; waits until there is one. */
export async function leaderOf({ service, members }: FaultWorld): Promise<Member> {
  const found = await within(takeOverMs, () => {
    const [ready] = service.ready
    return ready && members.find(({ port }) => port === ready.port)
  })
  if (!found) throw new Error(`no replica is ready within ${takeOverMs} ms`)
  return found
}

function kill({ replica }: Member): Promise<void> {
  return replica.crash()
}

/** Does something to the leader; how long it takes until another process is ready, and whose. */
async function failover(
  world: FaultWorld,
  harm: (leader: Member) => void | Promise<void>,
): Promise<string> {
  const leader = await leaderOf(world)
  const life = leader.replica.life
  const from = now()
  await harm(leader)
  const taker = await within(takeOverMs, () => takerAfter(world, leader, life))
  if (!taker) throw new Error(`nobody has taken over within ${takeOverMs} ms`)
  return `${taker} after ${((now() - from) / 1000).toFixed(1)} s`
}

// A process that has died may be back before its lease is over: then it may be the first to take it.
function takerAfter({ service }: FaultWorld, leader: Member, before: Life | undefined) {
  if (service.ready.some(({ port }) => port !== leader.port)) return 'taken over'
  const { life } = leader.replica
  const isNew = life !== undefined && life !== before && service.lookedAt > life.startedAt
  return isNew && service.ready.length > 0 ? 'taken over by its own next process' : undefined
}

type Side = 'kubernetes' | 'upstream'

async function parted(
  world: FaultWorld,
  state: LinkState,
  sides: readonly Side[],
): Promise<undefined> {
  const leader = await leaderOf(world)
  for (const side of sides) leader[side].state = state
  await delay(world.limits.leaseMs * 2)
  for (const side of sides) leader[side].state = 'open'
  return undefined
}

async function outage({ members, limits }: FaultWorld, side: Side): Promise<undefined> {
  for (const member of members) member[side].state = 'cut'
  await delay(limits.leaseMs * 2)
  for (const member of members) member[side].state = 'open'
  return undefined
}
