import type { Brand } from '#base';

/** A MAC address in the canonical form `00:1a:2b:3c:4d:5e`. */
export type Mac = Brand<string, 'Mac'>;

const forms = [
  /^[0-9a-f]{12}$/i, // 001a2b3c4d5e
  /^[0-9a-f]{2}(-[0-9a-f]{2}){5}$/i, // 00-1A-2B-3C-4D-5E (RFC 3580 §3.21)
  /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i, // 00:1a:2b:3c:4d:5e
  /^[0-9a-f]{4}(\.[0-9a-f]{4}){2}$/i, // 001a.2b3c.4d5e (Cisco)
  /^[0-9a-f]{4}(-[0-9a-f]{4}){2}$/i, // 001a-2b3c-4d5e (H3C, HP)
];

/** Reads the five forms in which switches write a MAC. Anything else, all zeros, broadcast and group addresses give `null`. */
export function parseMac(text: string): Mac | null {
  if (text.length < 12 || text.length > 17 || !forms.some((form) => form.test(text))) return null;
  const hex = text.replace(/[^0-9a-f]/gi, '').toLowerCase();
  if (hex === '000000000000' || (Number.parseInt(hex.slice(0, 2), 16) & 1) === 1) return null;
  return hex.replace(/..(?!$)/g, '$&:') as Mac;
}

/** `00-1A-2B-3C-4D-5E`, the form RFC 3580 §3.21 asks of Calling-Station-Id. */
export function formatMacRadius(mac: Mac): string {
  return mac.replaceAll(':', '-').toUpperCase();
}

/** The address was made up by software (randomised), not given by a vendor: IEEE 802 locally administered bit. */
export function isLocallyAdministered(mac: Mac): boolean {
  return (Number.parseInt(mac.slice(0, 2), 16) & 2) === 2;
}
