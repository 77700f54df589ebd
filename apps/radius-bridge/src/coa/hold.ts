import { assertNever } from '#base';
import type { Orders, Session } from '#model';
import { changeStrategy, windowAt, type Snapshot } from '#policy/snapshot';
import type { Decision } from '../authentication/authorizer.js';
import type { DeviceKey } from '../device-index.js';

/** Why a session that has not what policy says is left alone for now, and until when (null: until something happens). */
export interface Hold {
  readonly reason: string;
  readonly until: Date | null;
}

export interface Due {
  /** The policy that decided. */
  readonly snapshot: Snapshot;
  readonly session: Session;
  readonly device: DeviceKey;
  readonly decision: Decision;
  /** Since when the device is in clinical use; null: it is not. */
  readonly inUseSince: Date | null;
  /** A person broke the glass for it: that is for the patient, and does not wait. */
  readonly isOpened: boolean;
  readonly orders: Orders;
  readonly now: Date;
}

/**
 * The policy wants another thing for a device that is what it was: not a person or a risk signal changed the device. Such a change may be
 * staged, slowed down and held back whatever it is, a whole class that loses its access included.
 */
export function isByPolicy({
  session,
  device,
  decision,
  snapshot,
}: Pick<Due, 'session' | 'device' | 'decision' | 'snapshot'>): boolean {
  if (session.snapshotDigest === snapshot.digest || session.class !== device.class) return false;
  if (decision.kind === 'access') return session.posture === decision.grant.posture;
  return decision.reason !== 'no-credential' && device.posture === 'normal';
}

/** Null: nothing holds it back. */
export function holdOf(due: Due): Hold | null {
  return useHold(due) ?? (isByPolicy(due) ? strategyHold(due) : null);
}

/** A device in clinical use comes first, but not for ever: a mark that nobody takes away must not keep a policy out. */
function useHold({ snapshot, session, device, inUseSince, isOpened, now }: Due): Hold | null {
  if (!inUseSince || isOpened) return null;
  const { waitSeconds, quarantine } = snapshot.rollout.inUse;
  if (device.posture === 'quarantined' && quarantine === 'overrides') return null;
  const dueSince = session.convergence.state === 'held' ? Date.parse(session.convergence.since) : now.getTime();
  const until = new Date(dueSince + waitSeconds * 1000);
  return until > now
    ? { reason: `in clinical use since ${minute(inUseSince)}, waits until ${minute(until)} at most`, until }
    : null;
}

function strategyHold({ snapshot, session, device, orders, now }: Due): Hold | null {
  const isReleased = orders.released.some(
    ({ mac, class: name, digest }) =>
      digest === snapshot.digest && (mac === session.mac || name === device.class || (mac === null && name === null)),
  );
  if (isReleased) return null;
  const strategy = changeStrategy(snapshot, device.class);
  switch (strategy.kind) {
    case 'immediate':
      return null;
    case 'next-reauth':
      return { reason: `class \`${device.class}\` waits for its next authentication`, until: null };
    case 'manual':
      return { reason: `class \`${device.class}\` waits for a person to let it change`, until: null };
    case 'maintenance-window': {
      const { isOpen, changesAt } = windowAt(snapshot, strategy.schedule, now);
      if (isOpen) return null;
      const opens = changesAt ? `, which opens ${minute(changesAt)}` : '';
      return { reason: `class \`${device.class}\` waits for \`${strategy.schedule}\`${opens}`, until: changesAt };
    }
    default:
      return assertNever(strategy);
  }
}

const minute = (at: Date): string => `${at.toISOString().slice(0, 16)}Z`;
