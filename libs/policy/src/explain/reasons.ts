import { assertNever } from '#base';
import { serviceAlgebra } from '#net';
import { indexOf } from '../decide.js';
import type { FlowQuery } from '../explain.js';
import type { Snapshot } from '../snapshot.js';
import { nextChange, parseUntil } from '../when.js';
import type { Column, Comparison } from './nearest.js';
import { listServices } from './services.js';

/** Why a rule does not match on one column, in the words of the rule and of the question. */
export function whyNot(
  snapshot: Snapshot,
  query: FlowQuery,
  { rule, part, service }: Comparison,
  column: Column,
): string {
  switch (column) {
    case 'when':
      return whyNotInForce(snapshot, rule.when);
    case 'application': {
      const { services } = indexOf(snapshot);
      const own = services.get(rule.application) ?? [];
      const asked = quoted(query.app, service.label);
      const isWhole = serviceAlgebra.equals(services.get(query.app) ?? [], part.services);
      return `\`${rule.object}\` is allowed on ${withServices(rule.application, listServices(own))}, you asked for ${isWhole ? `\`${query.app}\`` : asked}`;
    }
    case 'subject':
      return whyNotThere(snapshot, 'subject', rule.subject, query.from, part.from);
    case 'object':
      return whyNotThere(snapshot, 'object', rule.object, query.to, part.to);
    default:
      return assertNever(column);
  }
}

function whyNotThere(snapshot: Snapshot, side: string, principal: string, asked: string, label: string): string {
  const { classes } = indexOf(snapshot);
  const isClass = classes.has(label);
  if (!classes.has(principal)) {
    const what = isClass ? `which \`${label}\`, a device class, is not in` : `which ${quoted(asked, label)} is not in`;
    return `the ${side} is \`${principal}\`, ${what}`;
  }
  const what = isClass
    ? `\`${label}\` does not belong to it`
    : `${quoted(asked, label)} is an address, no device class`;
  return `the ${side === 'subject' ? 'class' : 'object'} is \`${principal}\`; ${what}`;
}

function whyNotInForce(snapshot: Snapshot, when: string): string {
  const until = parseUntil(when);
  if (until?.kind === 'until') return `ended on ${until.date}`;
  // A snapshot that an older Cordon stored has no schedules.
  const schedules = new Map((snapshot.schedules ?? []).map((schedule) => [schedule.name, schedule]));
  const next = nextChange({ kind: 'schedule', name: when }, schedules, new Date(snapshot.compiledFor));
  const { timezone } = schedules.get(when) ?? {};
  return `holds only in \`${when}\`${next && timezone ? `, next from ${formatLocal(next, timezone)}` : ''}`;
}

/** `Thu 2026-11-26 13:00 Europe/Berlin` */
function formatLocal(at: Date, timezone: string): string {
  const format = new Intl.DateTimeFormat('en-GB', {
    timeZone: timezone,
    hourCycle: 'h23',
    weekday: 'short',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
  });
  const parts = new Map(format.formatToParts(at).map(({ type, value }) => [type, value]));
  const get = (type: Intl.DateTimeFormatPartTypes): string => parts.get(type) ?? '';
  return `${get('weekday')} ${get('year')}-${get('month')}-${get('day')} ${get('hour')}:${get('minute')} ${timezone}`;
}

/** The name that was asked about, with the one thing of it that is looked at. */
function quoted(asked: string, label: string): string {
  return asked === label ? `\`${asked}\`` : `\`${asked}\` (${label})`;
}

function withServices(application: string, services: string): string {
  return services === application || services.length > 60 ? `\`${application}\`` : `\`${application}\` (${services})`;
}
