import { readFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import { messageOf, Problem } from '../../errors.js'

/** The text of a file, or of standard input for `-`. @throws Problem USAGE when it can't be read */
export async function readText(file: string, stdin: NodeJS.ReadableStream): Promise<string> {
  if (file === '-') return text(stdin)
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    throw new Problem('USAGE', "the file can't be read", {
      where: file,
      wanted: 'a file of YAML or JSON',
      found: reasonOf(error),
      hint: 'check the path; - is standard input',
    })
  }
}

/** The name of the file in messages. */
export function nameOf(file: string): string {
  return file === '-' ? 'stdin' : file
}

function reasonOf(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException
  if (code === 'EISDIR') return 'a folder'
  return code === 'ENOENT' ? 'no such file' : messageOf(error)
}
