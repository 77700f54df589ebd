import { exceptionEnd } from '../client-exceptions.js';
import type { Report } from '../codes.js';
import type { Policy } from '../policy.js';
import { endsSoon } from './dates.js';

/** Switches whose requests are taken unsigned: each exception is a hole with a date, and stays in sight until it is closed. */
export function reportClientExceptions({ nas }: Policy, at: Date, days: number, report: Report): void {
  for (const client of nas) {
    const { name, span, messageAuthenticator: rule } = client;
    const end = exceptionEnd(client);
    if (typeof rule === 'string' || !end) continue;
    const what = `\`${name}\` may leave out Message-Authenticator (${rule.exception})`;
    if (end <= at) {
      const hint = 'remove it: unsigned requests of this switch get no answer any more';
      report.add('client-exception-ended', span, `${what}: that ended on ${rule.until}`, hint);
      continue;
    }
    const upgrade = 'have the switch send Message-Authenticator, then remove the exception';
    report.add('client-exception', span, `${what} until ${rule.until}: its answers can be forged`, upgrade);
    const soon = endsSoon(end, at, days);
    if (soon !== null)
      report.add(
        'client-exception-ending',
        span,
        `${what}: that ends ${soon}, after ${rule.until}, and then it gets no answer`,
        upgrade,
      );
  }
}
