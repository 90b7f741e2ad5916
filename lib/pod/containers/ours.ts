/**
 * What an author wrote, with ours in its place where both say something. Ours stand first, whatever the order of the
 * author's keys, so that all manifests read alike.
 */
export function oursOver<Own extends object, Ours extends object>(
  own: Own,
  ours: Ours,
): Omit<Own, keyof Ours> & Ours {
  return { ...ours, ...own, ...ours }
}
