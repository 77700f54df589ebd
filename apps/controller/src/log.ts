import type { LoggerService } from '@nestjs/common';

export type LogFields = Readonly<Record<string, unknown>>;
type Level = 'info' | 'warn' | 'error';

/** One JSON line per event on stderr: a static message, and what varies as fields. Never a token, never a secret. */
export class Log implements LoggerService {
  constructor(private readonly write: (line: string) => void = (line) => process.stderr.write(line)) {}

  info(message: string, fields: LogFields = {}): void {
    this.line('info', message, fields);
  }

  warn(message: unknown, fields?: unknown): void {
    this.line('warn', message, fields);
  }

  error(message: unknown, fields?: unknown): void {
    this.line('error', message, fields);
  }

  /** Nest tells of each route and module; only its warnings and errors matter. */
  log(): void {}

  private line(level: Level, message: unknown, fields: unknown): void {
    const extra =
      typeof fields === 'object' && fields !== null ? fields : fields === undefined ? {} : { detail: fields };
    this.write(`${JSON.stringify({ at: new Date().toISOString(), level, message: String(message), ...extra })}\n`);
  }
}
