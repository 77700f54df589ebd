import type { SuspicionAction, SuspicionKind } from '#model';
import { isLocallyAdministered, type Mac } from '#net';
import type { ClassSuspicions, Snapshot } from './snapshot.js';

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

const entryOf = ({ classes }: Snapshot['suspicions'], name: string): ClassSuspicions | undefined =>
  classes.find((entry) => entry.name === name);
