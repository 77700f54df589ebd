import type { DeviceChange, FeedMessage, Orders } from '#model';
import type { CoaReconciler } from '../coa/coa-reconciler.js';
import type { Counters } from '../counters.js';
import type { CredentialIndex } from '../credential-index.js';
import type { DeviceIndex } from '../device-index.js';
import type { Journal } from '../journal/journal.js';
import type { SessionsElsewhere } from '../sessions/sessions-elsewhere.js';
import type { SnapshotStore } from '../snapshot-store.js';
import type { FeedReceiver } from './feed-client.js';

/** Who else keeps the device index. */
export interface DeviceListener {
  readonly changed: (revision: number, changes: readonly DeviceChange[]) => void;
  /** A reset is complete. */
  readonly reset: () => void;
  readonly ordered: (orders: Orders) => void;
}

/**
 * What the controller's messages change: the snapshot, the indexes, their copies on disk, and which sessions are looked at
 * again. A snapshot that does not decode throws, and nothing has changed.
 */
export function feedReceiver(
  snapshots: SnapshotStore,
  { devices, credentials }: { readonly devices: DeviceIndex; readonly credentials: CredentialIndex },
  journal: Journal,
  reconciler: CoaReconciler,
  elsewhere: SessionsElsewhere,
  counters: Counters,
  listener: DeviceListener,
): FeedReceiver {
  const reviewTouched = (): void => {
    for (const mac of credentials.takeTouched()) reconciler.reviewDevice(mac);
  };
  return {
    position: () => ({
      revision: devices.revision,
      credentialRevision: credentials.revision,
      digest: snapshots.current?.snapshot.digest ?? null,
      rollout: snapshots.rolloutVersion,
    }),
    disconnected(): void {
      devices.disconnected();
      credentials.disconnected();
    },
    receive(message: FeedMessage): void {
      switch (message.type) {
        case 'snapshot':
          snapshots.take(message.snapshot);
          counters.add('snapshots.taken');
          journal.write([{ kind: 'snapshot', json: JSON.stringify(message.snapshot) }]);
          return reconciler.reviewAll();
        case 'rollout': {
          const { rollout } = message;
          snapshots.stage(rollout);
          counters.add('rollouts.taken');
          journal.write([{ kind: 'document', name: 'rollout', json: rollout && JSON.stringify(rollout) }]);
          return reconciler.reviewAll();
        }
        case 'orders':
          devices.order(message.orders);
          journal.write([{ kind: 'document', name: 'orders', json: JSON.stringify(message.orders) }]);
          listener.ordered(message.orders);
          return reconciler.ordersChanged();
        case 'devices': {
          journal.write([devices.apply(message.reset, message.revision, message.devices)]);
          listener.changed(message.revision, message.devices);
          if (message.devices.length > 1000) return reconciler.reviewAll();
          for (const { mac } of message.devices) reconciler.reviewDevice(mac);
          return;
        }
        case 'credentials':
          journal.write([credentials.apply(message.reset, message.revision, message.credentials)]);
          return reviewTouched();
        case 'elsewhere':
          for (const known of message.sessions) {
            elsewhere.take(known);
            reconciler.reviewDevice(known.session.mac);
          }
          return;
        case 'ping': {
          const [prunedDevices, prunedCredentials] = [devices.settle(), credentials.settle()];
          if (prunedCredentials) journal.write([prunedCredentials]);
          if (prunedDevices) {
            journal.write([prunedDevices]);
            listener.reset();
            return reconciler.reviewAll();
          }
          return reviewTouched();
        }
      }
    },
  };
}
