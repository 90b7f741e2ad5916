import { pino, type Logger, type LevelWithSilent } from 'pino'
import { isProblem } from './errors.js'

/** The logger that everything is handed: pino's. */
export type Log = Logger

/** The levels of `--log-level`. */
export const logLevels = [
  'debug',
  'info',
  'warn',
  'error',
  'silent',
] as const satisfies LevelWithSilent[]

/** One of them. */
export type LogLevel = (typeof logLevels)[number]

/**
 * Makes the logger. Lines are JSON on `destination` (standard error by default, so that standard output stays the
 * sandbox's). Tokens never stand in messages; fields that may hold one are redacted by path as well.
 */
export function makeLog(level: LogLevel, destination: NodeJS.WritableStream = process.stderr): Log {
  return pino(
    {
      level,
      base: undefined,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: label => ({ level: label }) },
      redact: [
        'token',
        '*.token',
        '*.accessToken',
        'headers.authorization',
        '*.headers.authorization',
      ],
      serializers: { err: errorFields },
    },
    destination,
  )
}

// Where in the program a problem was found helps nobody: it says itself where to look.
function errorFields(error: Error): object {
  const fields = pino.stdSerializers.err(error)
  return isProblem(error) ? { ...fields, stack: undefined } : fields
}

/** A logger that says nothing, for tests and the pure parts of commands. */
export function silentLog(): Log {
  return pino({ level: 'silent' })
}
