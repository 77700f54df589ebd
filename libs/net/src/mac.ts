import type { Brand } from '#base';
import { hexDigit } from './hex.js';

/** A MAC address in the canonical form `00:1a:2b:3c:4d:5e`. */
export type Mac = Brand<string, 'Mac'>;

/** Hex digits between separators, and the separators, by the length of the text. */
const forms: Readonly<Record<number, { readonly group: number; readonly separators: string }>> = {
  12: { group: 12, separators: '' }, // 001a2b3c4d5e
  14: { group: 4, separators: '.-' }, // 001a.2b3c.4d5e (Cisco), 001a-2b3c-4d5e (H3C, HP)
  17: { group: 2, separators: ':-' }, // 00:1a:2b:3c:4d:5e, 00-1A-2B-3C-4D-5E (RFC 3580 §3.21)
};
const canonicalLength = 17;
/** What is being read, in the canonical form: put together of twelve pieces, a text would leave eleven others behind. */
const canonical = Buffer.alloc(canonicalLength, ':');
const hex = Buffer.from('0123456789abcdef');

/**
 * Reads the five forms in which switches write a MAC. Anything else, all zeros, broadcast and group addresses give `null`.
 * Without regular expressions: each authentication does this several times.
 */
export function parseMac(text: string): Mac | null {
  const form = forms[text.length];
  if (!form) return null;
  const separator = form.group === 12 ? '' : text[form.group]!;
  if (!form.separators.includes(separator)) return null;
  const step = form.group + 1;
  let any = 0;
  for (let at = 0, count = 0; at < text.length; at++) {
    if (at % step === form.group) {
      if (text[at] !== separator) return null;
      continue;
    }
    const digit = hexDigit(text.charCodeAt(at));
    if (digit === 16) return null;
    any |= digit;
    if (count === 1 && (digit & 1) === 1) return null;
    canonical[count + (count >> 1)] = hex[digit]!;
    count++;
  }
  return any === 0 ? null : (canonical.toString('latin1') as Mac);
}

/** `00-1A-2B-3C-4D-5E`, the form RFC 3580 §3.21 asks of Calling-Station-Id. */
export function formatMacRadius(mac: Mac): string {
  return mac.replaceAll(':', '-').toUpperCase();
}

/** The address was made up by software (randomised), not given by a vendor: IEEE 802 locally administered bit. */
export function isLocallyAdministered(mac: Mac): boolean {
  return (Number.parseInt(mac.slice(0, 2), 16) & 2) === 2;
}
