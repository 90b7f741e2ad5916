/** Whether an answer calls itself HTML, which upstream's API never speaks. */
export function isHtml(contentType: string | string[] | undefined): boolean {
  return /^\s*text\/html\b/i.test([contentType].flat()[0] ?? '')
}

/**
 * Whether an answer is a page for people: a load balancer, a proxy or a portal has answered in upstream's place, and its
 * status says nothing of the call, not even that it arrived. An empty one is none: so frameworks answer without words.
 */
export function isPage(contentType: string | string[] | undefined, text: string): boolean {
  return isHtml(contentType) && text.trim() !== ''
}
