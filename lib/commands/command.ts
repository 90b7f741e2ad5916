/** What a command is handed of its process. */
export interface CommandContext {
  /** The words after the verb. */
  argv: readonly string[]
  env: NodeJS.ProcessEnv
  stdin: NodeJS.ReadableStream
  stdout: NodeJS.WritableStream
  stderr: NodeJS.WritableStream
}

/** A verb: resolves to the exit status. @throws Problem for what the user can mend. */
export type Command = (context: CommandContext) => Promise<number>
