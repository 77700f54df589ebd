import type { Diagnostic, Severity, SourceSpan } from '#base';

/**
 * Every finding that the import of a MUD file can have of its own: what it means. docs/mud.md lists the same codes with their
 * remedies; a test keeps the two together. Errors refuse the file; warnings say that an entry, or a part of it, is left out.
 */
export const mudCodes = {
  'mud-answers-nothing': ['warning', 'an entry allows answers to connections that no other entry opens'],
  'mud-class-name': ['error', 'no class name was given, and the file gives none that can be used'],
  'mud-contradiction': ['warning', 'the conditions of an entry exclude each other: it matches no packet'],
  'mud-covers-devices': ['warning', 'an entry lets addresses of device segments open connections to the device'],
  'mud-draft-names': ['info', 'the file uses the name that drafts had for the access lists'],
  'mud-duplicate': ['error', 'two access lists, or two entries of one, have the same name'],
  'mud-exists': ['error', 'a file that would be written is there already'],
  'mud-extension-header': ['warning', 'an entry matches an IPv6 extension header, which is no protocol of a service'],
  'mud-icmp-code': ['warning', 'an entry matches an ICMP code, which services can’t say'],
  'mud-ignored': ['info', 'a part of the file outside the access lists is not known and not used'],
  'mud-list-missing': ['error', 'a policy names an access list that the file does not have'],
  'mud-list-unused': ['info', 'no policy of the file names an access list: it has no effect'],
  'mud-match-bad': ['warning', 'a condition of an entry is malformed'],
  'mud-match-unknown': ['warning', 'an entry has a condition that policy can’t say'],
  'mud-not-ip': ['warning', 'an entry is not about IP packets'],
  'mud-one-family': ['warning', 'an entry holds for one IP version only, and a rule about a class holds for both'],
  'mud-one-way': ['warning', 'the file does not allow the answers to what an entry opens, and policy always does'],
  'mud-overlaid': ['warning', 'an earlier drop of the list may match what an entry accepts'],
  'mud-own-address': ['warning', 'an entry has a condition on the address of the device itself'],
  'mud-own-class': ['warning', 'an entry is about devices of the same class, and the file allows it on one side only'],
  'mud-peer-unmapped': ['warning', 'an entry is about a controller, network or class of devices that was not named'],
  'mud-schema': ['error', 'a field of the file is missing or malformed'],
  'mud-source-port': ['warning', 'an entry has a condition on the port of who opens the connection'],
  'mud-syntax': ['error', 'the file is not JSON'],
  'mud-unknown-name': ['error', 'a name that was given for a controller or network is not in the policy'],
  'mud-unresolved': ['warning', 'no address is known for a DNS name'],
  'mud-unsupported': ['warning', 'the manufacturer says that the device is not supported any more'],
  'mud-version': ['error', 'the file is of another version of MUD'],
} as const satisfies Record<string, readonly [Severity, string]>;

export type MudCode = keyof typeof mudCodes;

export function finding(code: MudCode, summary: string, hint: string, span: SourceSpan | null = null): Diagnostic {
  return { severity: mudCodes[code][0], code, summary, hint, ...(span ? { span } : {}) };
}
