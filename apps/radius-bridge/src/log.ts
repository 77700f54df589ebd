export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
export type LogFields = Readonly<Record<string, string | number | boolean | null | readonly string[]>>;

/** A static message and fields. Secrets, passwords and packets never go in. */
export type Log = (level: LogLevel, message: string, fields?: LogFields) => void;

/** One JSON object per line. */
export function jsonLog(write: (line: string) => void, now: () => Date): Log {
  return (level, message, fields = {}) =>
    write(`${JSON.stringify({ at: now().toISOString(), level, message, ...fields })}\n`);
}

/** The text of whatever was thrown; `cause` is where fetch puts the reason. One that was said already is not said again. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { message, cause } = error;
  return cause instanceof Error && !message.endsWith(cause.message) ? `${message}: ${cause.message}` : message;
}

/** What is thrown while something is read or made says first what it was. */
export function named<T>(what: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    throw new Error(`${what}: ${reasonOf(error)}`, { cause: error });
  }
}
