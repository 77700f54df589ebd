import { fingerprintFields, type Fingerprint, type SuspicionAction, type SuspicionKind } from '#model';
import { isLocallyAdministered, type Mac } from '#net';
import type { ClassSuspicions, Snapshot } from './snapshot.js';
import { matchesPattern } from './text-pattern.js';

type Rules = Pick<Snapshot, 'suspicions'>;

export function suspicionAction({ suspicions }: Rules, deviceClass: string, kind: SuspicionKind): SuspicionAction {
  return (entryOf(suspicions, deviceClass)?.actions ?? suspicions.actions)[kind];
}

/** Why an address is of no manufacturer of its class; null when it is of one, or the policy names none. */
export function foreignMaker({ suspicions }: Rules, deviceClass: string, mac: Mac): string | null {
  const makers = entryOf(suspicions, deviceClass)?.manufacturers ?? [];
  if (makers.length === 0 || makers.some((prefix) => mac.startsWith(prefix))) return null;
  if (isLocallyAdministered(mac))
    return `${mac} was made up by software, and class \`${deviceClass}\` has addresses of its manufacturers`;
  return `${mac.slice(0, 8)} is of no manufacturer of class \`${deviceClass}\``;
}

/** What of a fingerprint is not what devices of the class say. */
export interface Contradiction {
  readonly said: Fingerprint;
  readonly reason: string;
}

/** Null: nothing contradicts. A field that the class does not list, or that was not told, says nothing. */
export function contradiction(
  { suspicions }: Rules,
  deviceClass: string,
  fingerprint: Fingerprint,
): Contradiction | null {
  const own = entryOf(suspicions, deviceClass)?.fingerprints ?? {};
  const foreign = fingerprintFields.flatMap((field) => {
    const [text, patterns] = [fingerprint[field], own[field]];
    const isIts = text === undefined || !patterns || patterns.some((pattern) => matchesPattern(pattern, text));
    return isIts ? [] : [{ field, text, patterns }];
  });
  if (foreign.length === 0) return null;
  const reasons = foreign.map(
    ({ field, text, patterns }) =>
      `its ${field} is ${quoted(text)}, and class \`${deviceClass}\` has ${listed(patterns)}`,
  );
  return { said: Object.fromEntries(foreign.map(({ field, text }) => [field, text])), reason: reasons.join('; ') };
}

/** The device's words can't be taken for ours. */
const quoted = (text: string): string => JSON.stringify(text);
const mostListed = 5;

function listed(patterns: readonly string[]): string {
  const more = patterns.length - mostListed;
  return `${patterns.slice(0, mostListed).map(quoted).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

const entryOf = ({ classes }: Snapshot['suspicions'], name: string): ClassSuspicions | undefined =>
  classes.find((entry) => entry.name === name);
