import t from 'tap'
import { exactly, ownThenOurs } from '../../../lib/pod/containers/env.js'

t.test('a value comes out of the kubelet as it went in', async t => {
  const values = ['plain', 'echo $$', '$(date)', '$$(date)', 'a$', '$é', '$$$', '$(unclosed']
  for (const value of values) {
    const { value: written = '' } = exactly('NAME', value)
    t.equal(expanded(written, { date: 'REPLACED' }), value, value)
  }
})

t.test("an author's variables stay in their order, except those that are ours", async t => {
  const own = [{ name: 'B' }, { name: 'OURS', value: 'theirs' }, { name: 'A' }]
  const names = ownThenOurs(own, [{ name: 'OURS', value: 'ours' }])
  t.same(names, [{ name: 'B' }, { name: 'A' }, { name: 'OURS', value: 'ours' }])
})

/** What the kubelet makes of a variable's value (seen on a real one, 1.34). */
function expanded(text: string, variables: Record<string, string>): string {
  return text.replaceAll(/\$\$|\$\(([^)]*)\)/g, (whole, name?: string) =>
    whole === '$$' ? '$' : (variables[name ?? ''] ?? whole),
  )
}
