/** The text as one word of a POSIX shell: the shell sees the very same characters. */
export function shellWord(text: string): string {
  if (text === '') return "''"
  if (/[ \t\n]/.test(text)) return `'${text.replaceAll("'", String.raw`'\''`)}'`
  return text.replaceAll(special, String.raw`\$&`)
}

// A hash begins a comment only at the start of a word. A tilde is a home directory there, and in bash also where an
// assignment's value may start.
const special = /[\\'"`${[|&;<>()*?!]|^#|(?<=^|[=:])~/g
