import type { Session } from '#model';

export interface Octets {
  readonly input: number;
  readonly output: number;
}

/** A session as the switch knows it: what it sent last, and what was acknowledged last. */
export interface LedgerEntry {
  readonly mac: string;
  readonly id: string;
  sent: Octets;
  /** Null: not even the Start. */
  acknowledged: Octets | null;
  /** `uncertain`: a record was not acknowledged, and the session was given up. */
  stop: 'not sent' | 'uncertain' | 'acknowledged';
}

/** What the controller has of a session. */
export type StoredSession = Pick<
  Session,
  'mac' | 'acctSessionId' | 'state' | 'inputOctets' | 'outputOctets' | 'endReason'
>;

/** Acct-Terminate-Cause of every Stop here, and its name. */
export const userRequest = { code: 1, name: 'User-Request' } as const;

/**
 * What is wrong with the sessions that the controller has, given what was acknowledged to the switch. An acknowledged record
 * must be there; one without an acknowledgement may be there or not.
 */
export function findRecordFaults(ledger: readonly LedgerEntry[], stored: readonly StoredSession[]): string[] {
  const accounted = new Set(ledger.map(({ mac }) => mac));
  const own = stored.filter(({ mac }) => accounted.has(mac));
  const byId = Map.groupBy(own, ({ mac, acctSessionId }) => keyOf(mac, acctSessionId));
  const known = new Set(ledger.map(({ mac, id }) => keyOf(mac, id)));
  const named = own.filter(({ acctSessionId }) => acctSessionId !== null);
  const strange = named.filter(({ mac, acctSessionId }) => !known.has(keyOf(mac, acctSessionId)));
  const nameless = own.length - named.length;
  const unstarted = ledger.filter(({ acknowledged }) => acknowledged === null).length;
  return [
    ...ledger.flatMap((entry) => faultsOf(entry, byId.get(keyOf(entry.mac, entry.id)) ?? [])),
    ...strange.map(({ mac, acctSessionId }) => `session ${acctSessionId} of ${mac} was never reported`),
    ...(nameless > unstarted ? [`${nameless} sessions without an id, of which ${unstarted} may be`] : []),
  ];
}

const keyOf = (mac: string, id: string | null): string => `${mac} ${id ?? ''}`;

function faultsOf(entry: LedgerEntry, stored: readonly StoredSession[]): string[] {
  const { id, mac, acknowledged, sent, stop } = entry;
  const [session] = stored;
  if (stored.length > 1) return [`session ${id} of ${mac} is there ${stored.length} times`];
  if (!session) return acknowledged ? [`session ${id} of ${mac} is lost`] : [];
  const faults: string[] = [];
  const least = acknowledged ?? { input: 0, output: 0 };
  const isWithin = (found: number, way: keyof Octets): boolean => found >= least[way] && found <= sent[way];
  if (!isWithin(session.inputOctets, 'input') || !isWithin(session.outputOctets, 'output'))
    faults.push(
      `session ${id} of ${mac} has ${session.inputOctets}/${session.outputOctets} octets, acknowledged ${least.input}/${least.output}`,
    );
  if (stop === 'acknowledged' && session.state !== 'closed')
    faults.push(`session ${id} of ${mac} is open after its Stop`);
  if (stop === 'not sent' && session.state !== 'open') faults.push(`session ${id} of ${mac} is closed without a Stop`);
  if (stop === 'acknowledged' && session.endReason !== userRequest.name)
    faults.push(`session ${id} of ${mac} ended by \`${session.endReason}\`, not by its Stop`);
  return faults;
}
