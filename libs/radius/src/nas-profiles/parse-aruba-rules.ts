import { failure, success, type Result } from '#base';
import { protocols, type AclEntry, type Family, type Interval } from '#net';
import { readAll, readVendor } from '../attributes.js';
import { types, vendors } from '../dictionary.js';
import type { Attribute } from '../packet.js';
import { missingAcl, SyntaxFault, Words } from './words.js';

const names: ReadonlyMap<string, number | null> = new Map([
  ['ip', null],
  ['tcp', protocols.tcp],
  ['udp', protocols.udp],
]);

/**
 * Reads what AOS-S and AOS-CX take as filter rules, one in each attribute, back into entries: the inverse of `aruba-rules.ts`, made
 * without it. A word that these switches don't have is refused, and so is `any` in the attribute of AOS-CX, which might mean one
 * family or both.
 */
export function parseArubaRules(
  attributes: readonly Attribute[],
  from: 'NAS-Filter-Rule' | 'Aruba-NAS-Filter-Rule',
): Result<readonly AclEntry[]> {
  const own = from === 'NAS-Filter-Rule';
  const rules = own ? readAll(attributes, types.nasFilterRule) : readVendor(attributes, vendors.aruba, 51);
  if (rules.length === 0) return failure([missingAcl(from)]);
  try {
    if (own) expectBothFamilies(attributes);
    const texts = rules.map((rule) => rule.toString('latin1'));
    return success(texts.flatMap((text, i) => parseRule(own ? ended(text, i === texts.length - 1) : text, own)));
  } catch (fault) {
    if (!(fault instanceof SyntaxFault)) throw fault;
    const hint = 'the rule is not one that Cordon writes';
    return failure([{ severity: 'error', code: 'bad-filter-rule', summary: fault.message, hint }]);
  }
}

/** RFC 4849 §2: 0x00 separates rules, wherever attributes begin; a switch that takes one for each attribute sees it at the end. */
function ended(text: string, isLast: boolean): string {
  if (isLast) return text;
  if (!text.endsWith('\0')) throw new SyntaxFault(`rule \`${text.slice(0, 120)}\` runs on into the next attribute`);
  return text.slice(0, -1);
}

function expectBothFamilies(attributes: readonly Attribute[]): void {
  const modes = readVendor(attributes, vendors.hp, 63).map((value) => value.toString('hex'));
  if (modes.length !== 1 || modes[0] !== '00000001')
    throw new SyntaxFault(
      'HP-Nas-Rules-IPv6 is not there once with 1: the switch would drop IPv6, whatever the rules say',
    );
}

function parseRule(rule: string, anyIsBoth: boolean): AclEntry[] {
  const words = new Words(rule);
  const action = words.action();
  words.expect('in');
  const name = words.next();
  const known = names.get(name);
  const protocol = known === undefined ? words.number(name, 255) : known;
  for (const word of ['from', 'any', 'to']) words.expect(word);
  const target = words.next();
  if (target === 'any' && !anyIsBoth) throw words.fault('says `any`, of which it is not known whether it covers IPv6');
  const destination = target === 'any' ? null : words.prefix(target);
  const destinationPorts = parsePorts(words, protocol);
  words.end();
  const families: readonly Family[] = destination ? [destination.family] : [4, 6];
  const narrowed = destination && destination.length > 0 ? destination : null;
  const rest = { sourcePorts: null, destination: narrowed, destinationPorts, established: false };
  return families.map((family) => ({ action, family, protocol, ...rest }));
}

function parsePorts(words: Words, protocol: number | null): Interval<number> | null {
  if (words.peek() === null) return null;
  if (protocol !== protocols.tcp && protocol !== protocols.udp) throw words.fault('has ports, which need TCP or UDP');
  const [first = '', last = first, ...more] = words.next().split('-');
  if (more.length > 0) throw words.fault('has a malformed range');
  return words.range(first, last, 0xffff);
}
