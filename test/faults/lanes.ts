/** Does things side by side, at most `count` at once; gives the results in the order of what was given. */
export async function inLanes<In, Out>(
  count: number,
  all: readonly In[],
  act: (one: In) => Promise<Out>,
): Promise<Out[]> {
  const results = new Array<Out>(all.length)
  const queue = [...all.entries()]
  const lane = async () => {
    for (let next = queue.shift(); next; next = queue.shift()) {
      const [index, one] = next
      results[index] = await act(one)
    }
  }
  await Promise.all(Array.from({ length: count }, lane))
  return results
}
