// What the token is called with which a pod proves to the gateway which pod it is: what makes pods, what judges the
// operator's settings, and what has tokens reviewed go by the same names.

/** Whom the tokens of pods are for: the API server takes them for nothing else. */
export const tokenAudience = 'job-spawner'

/** The volume of the token. No author of a pod may speak of it. */
export const tokenVolumeName = 'job-spawner-token'

/** Where the agent container, and no other, has it. */
export const tokenFolder = '/var/run/job-spawner'

// In most images /var/run is a link to /run.
const tokenPlaces = [tokenFolder, tokenFolder.replace('/var', '')]

/** Whether a folder, written without a slash at its end, is the token's or lies in it. */
export function isTokenFolder(folder: string): boolean {
  return tokenPlaces.some(place => `${folder}/`.startsWith(`${place}/`))
}
