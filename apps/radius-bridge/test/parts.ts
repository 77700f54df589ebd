import { accessFor, decodeSnapshot, encodeSnapshot, type Snapshot } from '#policy';
import type { Mac } from '#net';
import type { SessionIdentification } from '#radius';
import { renderGrant } from '../src/authentication/authorization.js';
import { grantFields } from '../src/authentication/authorizer.js';
import { Counters } from '../src/counters.js';
import { CredentialIndex } from '../src/credential-index.js';
import { DeviceIndex } from '../src/device-index.js';
import { SessionTable, type SessionOrigin } from '../src/sessions/session-table.js';
import type { TrackedSession } from '../src/sessions/tracked-session.js';
import { SnapshotStore } from '../src/snapshot-store.js';

export const testSecret = 'sesame';

/** The bridge's memory without sockets, disk and controller; changed sessions are kept in `changes`. */
export function testParts(snapshot: Snapshot) {
  const secretOf = (reference: string) =>
    reference.includes('MISSING') ? { problem: 'not set' } : { secret: testSecret };
  const snapshots = new SnapshotStore(
    { decode: decodeSnapshot, secretOf, accessFor, renderGrant, onTaken: () => undefined, onStaged: () => undefined },
    () => undefined,
  );
  const take = (next: Snapshot): void => void snapshots.take(JSON.parse(JSON.stringify(encodeSnapshot(next))));
  take(snapshot);
  /** Rolled out at these sites and to these devices; null: no rollout any more. */
  const stage = (next: Snapshot | null, at: { sites?: string[]; devices?: string[] } = {}): void =>
    snapshots.stage(
      next && {
        version: `${next.digest} ${JSON.stringify(at)}`,
        snapshot: JSON.parse(JSON.stringify(encodeSnapshot(next))) as unknown,
        sites: at.sites ?? [],
        devices: at.devices ?? [],
      },
    );
  const changes: { id: string; revision: number }[] = [];
  const listeners: (() => void)[] = [];
  const sessions = new SessionTable(1000, {
    onChange: ({ session }: TrackedSession) => {
      changes.push({ id: session.id, revision: session.revision });
      for (const listener of listeners) listener();
    },
    onRefresh: () => undefined,
    onForgotten: () => undefined,
    onAccepted: () => undefined,
  });
  /** Resolves when the condition holds; it is asked after each change of a session. */
  const until = (condition: () => boolean): Promise<void> =>
    new Promise((resolve) => {
      const look = (): void => {
        if (condition()) resolve();
      };
      listeners.push(look);
      look();
    });
  const [devices, credentials] = [new DeviceIndex(), new CredentialIndex()];
  return { snapshots, take, stage, devices, credentials, sessions, counters: new Counters(), changes, until };
}

/** Where a wired session by MAC is from, at the switch of the samples. */
export const sampleOrigin = (mac: Mac, identification: SessionIdentification): SessionOrigin => ({
  mac,
  nas: 'switch',
  nasAddress: '127.0.0.1',
  ssid: null,
  isWireless: false,
  method: 'mac',
  identification,
});

/** A session at the switch of the sample policy, of a device in the index. `isTold`: what it should have. */
export function openSession(
  { snapshots, devices, sessions }: ReturnType<typeof testParts>,
  mac: Mac,
  at: Date,
  { nasPort = 7, isTold = true } = {},
): TrackedSession {
  const { clients, authorizer } = snapshots.current!;
  const client = clients.find('127.0.0.1');
  if (client === null || typeof client === 'string') throw new Error('no client');
  const decision = authorizer.decide({ nas: client.nas, ssid: null }, mac, devices.find(mac), 'mac');
  if (decision.kind === 'refused') throw new Error(decision.detail);
  const identification = {
    mac,
    userName: mac,
    callingStationId: mac,
    acctSessionId: `acct-${mac}`,
    auditSessionId: null,
    nasIpAddress: '127.0.0.1',
    nasIpv6Address: null,
    nasIdentifier: null,
    nasPort,
    nasPortId: null,
  };
  const grant = grantFields(decision, 'cordon:test');
  return sessions.create(sampleOrigin(mac, identification), grant, isTold ? decision.fingerprint : null, at)!;
}
