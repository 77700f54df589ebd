import type { Log } from '../log.js';
import type { Client } from './client-table.js';

const hour = 3_600_000;

/** Writes down that exceptions are used: the first use at once, then once an hour how often. */
export class ExceptionAudit {
  private readonly uses = new Map<string, { count: number; loggedAt: number }>();

  constructor(private readonly log: Log) {}

  used({ nas }: Client, now: number): void {
    const { messageAuthenticator: rule, name } = nas;
    if (typeof rule === 'string') return;
    let use = this.uses.get(name);
    if (!use) this.uses.set(name, (use = { count: 0, loggedAt: Number.NEGATIVE_INFINITY }));
    use.count++;
    if (now - use.loggedAt < hour) return;
    const { exception, until } = rule;
    this.log('warn', 'requests without Message-Authenticator taken by exception', {
      nas: name,
      exception,
      until,
      requests: use.count,
    });
    use.count = 0;
    use.loggedAt = now;
  }
}
