import type { V1Container, V1PodSpec } from '@kubernetes/client-node'
import { Problem } from '../../errors.js'
import { isImageReference } from '../../kubernetes-names.js'

/**
 * Nothing, when each container's image can be the name of one.
 * @throws Problem JOB_INVALID that names the containers whose image can't, and their images.
 */
export function checkImages({ initContainers = [], containers }: V1PodSpec): void {
  const wrong = [...initContainers, ...containers].filter(
    ({ image }) => image !== undefined && !isImageReference(image),
  )
  if (wrong.length === 0) return
  throw new Problem('JOB_INVALID', 'an image has a name that no image can have', {
    where: wrong.map(({ name }) => `the container ${name}`).join(', '),
    wanted: '[host[:port]/]path[:tag][@digest], with a path of lower-case letters and digits',
    found: wrong.map(imageText).join(', '),
  })
}

function imageText({ image = '' }: V1Container): string {
  return JSON.stringify(image.length > 200 ? `${image.slice(0, 200)}…` : image)
}
