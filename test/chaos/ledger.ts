import type { Standing } from './expectation.ts';

/** What the controller acknowledged, each with the words by which it is found again. */
export interface Ledger {
  /** Reasons that the audit trail must have. */
  readonly reasons: string[];
  /** MAC → what was acknowledged last of a device's record. */
  readonly devices: Map<string, { class: string; posture: string }>;
  /** Commits that were judged. */
  readonly commits: Set<string>;
  /** Of break-glass orders; whether their end before the time was acknowledged. */
  readonly orders: Map<number, { isClosed: boolean }>;
}

export const newLedger = (): Ledger => ({ reasons: [], devices: new Map(), commits: new Set(), orders: new Map() });

export interface Stored {
  readonly reasons: readonly (string | null)[];
  readonly devices: readonly { readonly mac: string; readonly class: string; readonly posture: string }[];
  readonly commits: readonly string[];
  readonly orders: readonly { readonly id: number; readonly closedAt: string | null }[];
}

/** One problem for each acknowledged change that is not there. */
export function findLost(ledger: Ledger, stored: Stored): string[] {
  const devices = new Map(stored.devices.map((device) => [device.mac, device]));
  const [reasons, commits] = [new Set(stored.reasons), new Set(stored.commits)];
  const orders = new Map(stored.orders.map((order) => [order.id, order]));
  return [
    ...ledger.reasons.filter((reason) => !reasons.has(reason)).map((reason) => `the audit trail lacks \`${reason}\``),
    ...[...ledger.devices].flatMap(([mac, { class: name, posture }]) => {
      const found = devices.get(mac);
      if (found?.class === name && found.posture === posture) return [];
      return [
        `${mac} is ${found ? `${found.class}, ${found.posture}` : 'not registered'}, acknowledged: ${name}, ${posture}`,
      ];
    }),
    ...[...ledger.commits]
      .filter((commit) => !commits.has(commit))
      .map((commit) => `commit ${commit} is in no version`),
    ...[...ledger.orders].flatMap(([id, { isClosed }]) => {
      const found = orders.get(id);
      if (!found) return [`break-glass ${id} is gone`];
      return isClosed && found.closedAt === null ? [`break-glass ${id} is open again`] : [];
    }),
  ];
}

export const standingOf = ({ class: name, posture }: { class: string; posture: string }): Standing =>
  name === 'infusion-pump' && posture === 'normal' ? 'pump' : 'quarantined';
