import type { IdentityRule } from '#policy/snapshot';
import { parseMac, type Mac } from '#net';

/** What a certificate says of its device: its address, its serial number, or both. */
export interface NamedDevice {
  readonly mac: Mac | null;
  readonly serial: string | null;
}

const macPlaceholder = '{mac}';
const serialPlaceholder = '{serial}';

/** As long as the inventory takes one. */
const maxSerialLength = 200;

/** All that the names say by these rules must be of one device. */
export function deviceOf(
  namesIn: (from: IdentityRule['from']) => readonly string[],
  rules: readonly IdentityRule[],
): NamedDevice | { readonly reason: string } {
  const macs = new Set<Mac>();
  const serials = new Map<string, string>();
  for (const { from, pattern } of rules) {
    for (const name of namesIn(from)) {
      const mac = macIn(name, pattern);
      if (mac !== null) macs.add(mac);
      const serial = serialIn(name, pattern);
      if (serial !== null) serials.set(serial.toLowerCase(), serial);
    }
  }
  if (macs.size > 1 || serials.size > 1) return { reason: 'the certificate names more than one device' };
  const [mac = null] = macs;
  const [serial = null] = serials.values();
  return mac === null && serial === null
    ? { reason: 'no name in the certificate is one by which its authority names devices' }
    : { mac, serial };
}

/**
 * Why the certificate is not that of the device on the port; null: it is. `recorded`: the serial number of that device in the inventory,
 * null without a record; looked at only where the certificate names one. Many records may have the same: a pump with two network cards.
 */
export function whyOther({ mac, serial }: NamedDevice, onPort: Mac, recorded: string | null): string | null {
  if (mac !== null && mac !== onPort) return `the certificate is that of ${mac}, which is not the device on this port`;
  if (serial === null || (recorded !== null && isSameSerial(serial, recorded))) return null;
  const inventory =
    recorded === null
      ? `has no record of ${onPort}`
      : `has ${recorded === '' ? 'no serial number' : `\`${recorded}\``} for ${onPort}`;
  return `the certificate is that of serial number \`${serial}\`, and the inventory ${inventory}, the device on this port`;
}

/** What is empty is nobody's. */
const isSameSerial = (named: string, recorded: string): boolean =>
  recorded !== '' && named.toLowerCase() === recorded.toLowerCase();

/** In any of the usual forms. */
function macIn(name: string, pattern: string): Mac | null {
  const text = textAt(macPlaceholder, pattern, name);
  return text === null ? null : parseMac(text);
}

function serialIn(name: string, pattern: string): string | null {
  const text = textAt(serialPlaceholder, pattern, name)?.trim() ?? '';
  return text === '' || text.length > maxSerialLength ? null : text;
}

/** What the placeholder stands for; all else of the pattern is taken as it is, in upper or lower case. Null: the name is not of this form. */
function textAt(placeholder: string, pattern: string, name: string): string | null {
  const [before, after] = pattern.split(placeholder);
  if (before === undefined || after === undefined || name.length < before.length + after.length) return null;
  const end = name.length - after.length;
  const isLike = (text: string, wanted: string): boolean => text.toLowerCase() === wanted.toLowerCase();
  return isLike(name.slice(0, before.length), before) && isLike(name.slice(end), after)
    ? name.slice(before.length, end)
    : null;
}
