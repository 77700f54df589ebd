import { failure, success, type Result } from '#base';
import {
  hasPorts,
  isConsistentEntry,
  isIcmp,
  protocols,
  type AclEntry,
  type Family,
  type Interval,
  type Prefix,
} from '#net';
import { readConcatenated } from '../attributes.js';
import { types } from '../dictionary.js';
import type { Attribute } from '../packet.js';
import { missingAcl, SyntaxFault, Words } from './words.js';

const names: ReadonlyMap<string, number | null> = new Map([
  ['ip', null],
  ['icmp', protocols.icmp],
  ['tcp', protocols.tcp],
  ['udp', protocols.udp],
  ['sctp', protocols.sctp],
]);

/**
 * Reads NAS-Filter-Rule attributes back into ACL entries: the inverse of what the `rfc` profile writes, made without it. Of
 * IPFilterRule (RFC 6733 §4.3.1) it knows what is used here and refuses the rest. A rule `to any` stands for both families.
 */
export function parseNasFilterRules(attributes: readonly Attribute[]): Result<readonly AclEntry[]> {
  const text = readConcatenated(attributes, types.nasFilterRule)?.toString('latin1');
  if (!text) return failure([missingAcl('NAS-Filter-Rule')]);
  try {
    return success(text.split('\0').flatMap(parseRule));
  } catch (fault) {
    if (!(fault instanceof SyntaxFault)) throw fault;
    const hint = 'the rule is not one that Cordon writes';
    return failure([{ severity: 'error', code: 'bad-filter-rule', summary: fault.message, hint }]);
  }
}

function parseRule(rule: string): AclEntry[] {
  const words = new Words(rule);
  const action = words.action();
  words.expect('in');
  const name = words.next();
  const known = names.get(name);
  const protocol = known === undefined ? words.number(name, 255) : known;
  words.expect('from');
  words.expect('any');
  const sourcePorts = parsePorts(words, protocol);
  words.expect('to');
  const target = words.next();
  const destination = target === 'any' ? null : words.prefix(target);
  const ports = parsePorts(words, protocol);
  const icmpTypes = protocol !== null && isIcmp(protocol) && words.accept('icmptypes') ? parseList(words, 255) : null;
  const established = words.accept('established');
  words.end();
  return familiesOf(destination).map((family) => {
    const narrowed = destination && destination.length > 0 ? destination : null;
    const destinationPorts = ports ?? icmpTypes;
    const entry = { action, family, protocol, sourcePorts, destination: narrowed, destinationPorts, established };
    if (!isConsistentEntry(entry)) throw words.fault('has conditions that do not fit together');
    return entry;
  });
}

function familiesOf(destination: Prefix | null): readonly Family[] {
  return destination ? [destination.family] : [4, 6];
}

function parsePorts(words: Words, protocol: number | null): Interval<number> | null {
  const startsWithDigit = /^\d/.test(words.peek() ?? '');
  return protocol !== null && hasPorts(protocol) && startsWithDigit ? parseList(words, 0xffff) : null;
}

/** `443` or `5000-5010`; the grammar's comma lists are not used. */
function parseList(words: Words, limit: number): Interval<number> {
  const [first = '', last = first, ...more] = words.next().split('-');
  if (more.length > 0) throw words.fault('has a malformed range');
  return words.range(first, last, limit);
}
