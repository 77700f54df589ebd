import type { Clock } from '#base';
import type { LineOrigin } from '#gitops';
import type { Mac } from '#net';
import type { PolicyStore, VersionOfDigest } from '../policy/policy-store.js';
import type { AuditRow } from '../store/rows.js';
import { digestsOf, historyOf, type HistoryEntry } from './history.js';
import type { HistoryStore, Subject } from './history-store.js';
import { lastSetting, placedAt, type PlacedDevice } from './placement.js';

export interface HistoryAnswer {
  readonly from: string | null;
  readonly to: string;
  readonly entries: readonly HistoryEntry[];
  /** Policies that are named by their digest in the entries. */
  readonly versions: Readonly<Record<string, VersionOfDigest>>;
  /** There is more before the first entries: ask for a shorter period, or a larger `limit`. */
  readonly isCut: boolean;
}

export interface ExplainedDevice extends Omit<PlacedDevice, 'rule'> {
  readonly rule: { readonly file: string; readonly line: number; readonly origin: LineOrigin | null } | null;
  /** The policy that decided; null when it is not known any more. */
  readonly policy: VersionOfDigest | null;
  /** Who gave the device's record its class and posture; null when nobody has. */
  readonly classSetBy: AuditRow | null;
  readonly postureSetBy: AuditRow | null;
}

export interface PlacementAnswer {
  readonly at: string;
  /** Empty: nothing is stored from before. */
  readonly devices: readonly ExplainedDevice[];
}

interface Ports {
  readonly store: HistoryStore;
  readonly policies: Pick<PolicyStore, 'versionsOf'>;
  /** Who wrote a line of policy, as of a commit; null when git does not know (any more). */
  readonly originOf: (commit: string, file: string, line: number) => Promise<LineOrigin | null>;
  readonly clock: Clock;
}

/** Records read for one answer about an instant: more than any port has between two answers that differ. */
const mostRecords = 500;
const mostDevices = 20;

/** Answers what happened, and why, by what was stored: no answer changes with what is in force now. */
export class Historian {
  constructor(private readonly ports: Ports) {}

  async history(
    subject: Subject,
    period: { readonly from?: string | undefined; readonly to?: string | undefined },
    limit: number,
  ): Promise<HistoryAnswer> {
    const to = period.to ?? this.ports.clock.now().toISOString();
    const records = await this.ports.store.read(subject, { from: period.from, to }, limit);
    const versions = await this.ports.policies.versionsOf(digestsOf(records));
    return {
      from: period.from ?? null,
      to,
      entries: historyOf(records, (digest) => versions.get(digest) ?? null),
      versions: Object.fromEntries(versions),
      isCut: records.isCut,
    };
  }

  async placement(subject: Subject, at: string): Promise<PlacementAnswer> {
    const records = await this.ports.store.read(subject, { to: at }, mostRecords);
    const devices = placedAt(records).slice(0, mostDevices);
    const digests = new Set(devices.flatMap(({ snapshotDigest }) => snapshotDigest ?? []));
    const versions = await this.ports.policies.versionsOf(digests);
    const explained: ExplainedDevice[] = [];
    for (const device of devices) {
      const version = device.snapshotDigest === null ? undefined : versions.get(device.snapshotDigest);
      explained.push(await this.explain(device, version ?? null, at));
    }
    return { at, devices: explained };
  }

  private async explain(device: PlacedDevice, policy: VersionOfDigest | null, at: string): Promise<ExplainedDevice> {
    const audit = device.mac === null ? [] : await this.ports.store.audit(device.mac as Mac, at, mostRecords);
    const place = /^(.+):(\d+)$/.exec(device.rule ?? '');
    const file = place?.[1];
    const line = Number(place?.[2]);
    const origin = file !== undefined && policy ? await this.ports.originOf(policy.commit, file, line) : null;
    return {
      ...device,
      rule: file === undefined ? null : { file, line, origin },
      policy,
      classSetBy: lastSetting(audit, 'class'),
      postureSetBy: lastSetting(audit, 'posture'),
    };
  }
}
