export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
export type LogFields = Readonly<Record<string, string | number | boolean | null | readonly string[]>>;

/** A static message and fields. Secrets, passwords and packets never go in. */
export type Log = (level: LogLevel, message: string, fields?: LogFields) => void;

/** One JSON object per line. */
export function jsonLog(write: (line: string) => void, now: () => Date): Log {
  return (level, message, fields = {}) =>
    write(`${JSON.stringify({ at: now().toISOString(), level, message, ...fields })}\n`);
}

/** The text of whatever was thrown; `cause` is where fetch puts the reason. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}
