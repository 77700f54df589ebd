import { join } from 'node:path';
import { PolicyRepository } from '../e2e/tiny-policy.ts';
import { benchFiles } from '../bench/radius/cordon-side.ts';
import { eapYaml, issueCredentials, type Credentials } from '../bench/radius/credentials.ts';
import { placement as pumpPlacement } from '../bench/radius/grant.ts';
import type { DeviceKind } from '../bench/radius/mac-generator.ts';
import { placementIn, refused, type Placement } from '../bench/radius/placement.ts';
import { macsOf } from '../bench/radius/radius-case.ts';

/** What the policy gives, written down apart from it. */
export const placements = {
  pump: pumpPlacement,
  quarantined: placementIn(999, ['deny in ip from any to any']),
  unknown: refused,
} as const satisfies Readonly<Record<string, Placement>>;

/** VLAN of a pump that shows its certificate. */
export const verifiedVlan = '210';

/** Who lives in the hospital of the soak: no device plays two parts, so that what happens to one says nothing of another. */
export interface Hospital {
  /** They authenticate by MAC all the time, each kind with its own answer. */
  readonly kinds: readonly DeviceKind[];
  /** They have certificates. */
  readonly verified: Credentials;
  /** Their sessions are accounted for. */
  readonly accounted: readonly string[];
  /** It goes into quarantine and out of it. */
  readonly watched: string;
  /** Those that the controller is told of, as it imports them. */
  readonly csv: string;
  readonly registered: number;
}

const counts = { pumps: 300, quarantined: 60, unknown: 40, verified: 8, accounted: 200, watched: 1 } as const;

export function peopleHospital(folder: string): Hospital {
  const macs = macsOf(Object.values(counts).reduce((sum, count) => sum + count, 0));
  const take = (count: number): string[] => macs.splice(0, count);
  const [pumps, quarantined, unknown] = [take(counts.pumps), take(counts.quarantined), take(counts.unknown)];
  const verified = issueCredentials(folder, 'ecdsa', take(counts.verified));
  const [accounted, [watched]] = [take(counts.accounted), take(counts.watched)];
  const normal = [...pumps, ...verified.devices.map(({ mac }) => mac), ...accounted, watched!];
  const rows = [
    ...normal.map((mac) => `${mac},infusion-pump,normal`),
    ...quarantined.map((mac) => `${mac},infusion-pump,quarantined`),
  ];
  return {
    kinds: [
      { macs: pumps, placement: placements.pump },
      { macs: quarantined, placement: placements.quarantined },
      { macs: unknown, placement: placements.unknown },
    ],
    verified,
    accounted,
    watched: watched!,
    csv: ['mac,class,posture', ...rows].join('\n'),
    registered: rows.length,
  };
}

/** The policy as a git repository; `coaPort`: where the one switch listens. */
export function writePolicy(folder: string, verified: Credentials, coaPort: number): string {
  const repository = new PolicyRepository(join(folder, 'policy'));
  repository.commit({
    ...benchFiles(eapYaml(verified)),
    'network/nas.yaml': `switch: { address: 127.0.0.1, site: main, profile: rfc, secret: "env:SECRET_RFC", requestsPerSecond: 1000000, sessionTimeout: 3600, coaPort: ${coaPort} }`,
  });
  return repository.folder;
}
