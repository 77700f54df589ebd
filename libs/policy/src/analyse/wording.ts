import type { RelatedPlace } from '#base';
import { formatAddress, formatService, hasPorts, isIcmp, serviceKey } from '#net';
import type { FlowRuleSource } from '../policy.js';
import { formatWhen } from '../when.js';
import type { PacketExample } from './cells.js';
import type { SideExample } from './sides.js';

/** `infusion-pump (10.21.0.1) → 203.0.113.1 tcp/443` */
export function formatPacket({ source, destination, protocol, port }: PacketExample): string {
  const at = serviceKey(protocol, hasPorts(protocol) || isIcmp(protocol) ? port : 0);
  const last = hasPorts(protocol) || isIcmp(protocol) ? at : serviceKey(protocol, 0xffff);
  return `${formatSide(source)} → ${formatSide(destination)} ${formatService({ first: at, last }).join(' ')}`;
}

function formatSide({ class: device, address }: SideExample): string {
  const text = formatAddress(address);
  return device === null ? text : `${device} (${text})`;
}

/** The line without its note; `always` goes without saying. */
export function formatRule({ subject, object, application, effect, when }: FlowRuleSource): string {
  const words = ['p', subject, object, application, effect];
  return (when.kind === 'always' ? words : [...words, formatWhen(when)]).join(', ');
}

export function relatedRules(rules: readonly FlowRuleSource[]): RelatedPlace[] {
  return rules.map((rule) => ({ span: rule.span, summary: formatRule(rule) }));
}

/** `a, b and c`, in backticks; of many the first few. */
export function listNames(names: readonly string[], most = 3): string {
  const shown = names.slice(0, most).map((name) => `\`${name}\``);
  const rest = names.length - shown.length;
  if (rest > 0) return `${shown.join(', ')} and ${rest} more`;
  return shown.length < 2 ? shown.join('') : `${shown.slice(0, -1).join(', ')} and ${shown.at(-1)}`;
}
