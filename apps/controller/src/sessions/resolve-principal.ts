import { unknownClass } from '#model';
import { formatAddress, parseAddress, parseMac } from '#net';
import { accessFor, effectivePosture, type AccessGrant, type Snapshot } from '#policy';
import type { DeviceStore } from '../devices/device-store.js';
import type { LiveSession, LiveSessions } from './live-sessions.js';

interface Ports {
  readonly snapshot: Snapshot;
  readonly sessions: LiveSessions;
  readonly devices: DeviceStore;
}

/**
 * What a MAC, or the address of a device that is on the network, counts as in flow rules: its role there, else its
 * class. Any other text is a name or address of the policy and stays as it is.
 */
export async function resolvePrincipal({ snapshot, sessions, devices }: Ports, text: string): Promise<string> {
  const mac = parseMac(text);
  const address = parseAddress(text);
  if (!mac && !address) return text;
  const canonical = address && formatAddress(address);
  const session = (await sessions.all()).find((each) =>
    mac ? each.mac === mac : canonical !== null && each.addresses.includes(canonical),
  );
  if (session) return roleOf(snapshot, session) ?? session.class ?? unknownClass;
  if (!mac) return text;
  return (await devices.find(mac))?.class ?? unknownClass;
}

/** The class whose flow rules hold for a session now; null when the policy gives its device no place there. */
export function roleOf(snapshot: Snapshot, session: LiveSession): string | null {
  return grantOf(snapshot, session)?.role ?? null;
}

/** Where the policy wants a session, by its device's record as of now or in another posture. */
export function grantOf(
  snapshot: Snapshot,
  session: Pick<LiveSession, 'site' | 'method' | 'class' | 'posture'>,
  posture = session.posture,
): AccessGrant | null {
  const effective = effectivePosture(snapshot, posture ?? 'normal', session.method);
  return accessFor(snapshot, session.class ?? unknownClass, session.site, effective);
}
