import type { Diagnostic, Severity, SourceSpan } from '#base';

/**
 * Every finding that the import of Capirca policies can have of its own: what it means. docs/capirca.md lists the same codes with
 * their remedies; a test keeps the two together. Errors refuse the files; warnings say that a term, or a part of it, is left out.
 */
export const capircaCodes = {
  'capirca-class': ['error', 'an option names a class that there is not'],
  'capirca-covers-devices': ['warning', 'a term is about addresses of device segments: who is there is told by class'],
  'capirca-cut': ['info', 'earlier terms deny a part of what a term accepts: it is carried without that part'],
  'capirca-dated-deny': ['warning', 'a term denies until a day, and what it denies is not carried after it either'],
  'capirca-default-accept': ['warning', 'the filter lets pass what no term matches'],
  'capirca-denied-answers': ['warning', 'a term denies answers to connections, which policy lets pass always'],
  'capirca-exists': ['error', 'a file that would be written is there already'],
  'capirca-expired': ['info', 'a term is not in force any more'],
  'capirca-family': ['info', 'a filter does not say of which IP versions it is: it counts as IPv4'],
  'capirca-filter': ['error', 'it is not clear which filters are meant'],
  'capirca-ignored': [
    'info',
    'a term says what policy has no words for, and what changes nothing about who may talk to whom',
  ],
  'capirca-include': ['error', 'a file that is included can not be taken'],
  'capirca-match-bad': ['warning', 'a condition of a term is malformed, or excludes another one'],
  'capirca-match-unknown': ['warning', 'a term has a condition that policy can’t say'],
  'capirca-name': ['error', 'the name of the import can not be used'],
  'capirca-no-action': ['warning', 'what a term does is not accept, deny, reject or next'],
  'capirca-no-packet': ['info', 'a term matches no packet'],
  'capirca-one-platform': ['warning', 'a term holds for some platforms only'],
  'capirca-overlaid': ['info', 'earlier terms deny all that a term accepts'],
  'capirca-source-port': ['warning', 'a term has a condition on the port of who opens the connection'],
  'capirca-syntax': ['error', 'a file is not as Capirca writes it'],
  'capirca-too-many-parts': ['warning', 'earlier terms cut a term into too many parts'],
  'capirca-undefined': ['error', 'a network or service is not defined, or not well'],
  'capirca-vague-deny': ['warning', 'a term may deny something, and what can’t be told: all of it is left out below'],
  'capirca-zones': ['warning', 'a filter is between zones, and nobody said which networks they are'],
} as const satisfies Record<string, readonly [Severity, string]>;

export type CapircaCode = keyof typeof capircaCodes;

export function finding(code: CapircaCode, summary: string, hint: string, span: SourceSpan | null = null): Diagnostic {
  return { severity: capircaCodes[code][0], code, summary, hint, ...(span ? { span } : {}) };
}
