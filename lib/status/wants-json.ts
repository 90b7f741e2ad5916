/** Whether an `Accept` header asks for JSON rather than for a page: by name, and for nothing else more. */
export function wantsJson(accept: string | undefined): boolean {
  const asked = (accept ?? '').split(',').map(one => one.split(';').map(part => part.trim()))
  const weight = (type: string) => {
    const [, ...parameters] = asked.find(([name = '']) => name.toLowerCase() === type) ?? [
      type,
      'q=0',
    ]
    const q = parameters.find(parameter => parameter.startsWith('q='))
    return q === undefined ? 1 : Number(q.slice(2)) || 0
  }
  const json = weight('application/json')
  return json > 0 && json >= weight('text/html')
}
