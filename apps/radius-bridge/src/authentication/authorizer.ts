import { sha256 } from '#base';
import type { AuthenticationMethod, Posture } from '#model';
import { effectivePosture, type AccessGrant, type NasEntry, type Snapshot } from '#policy/snapshot';
import type { DeviceKey } from '../device-index.js';
import type { SessionGrant } from '../sessions/session-table.js';
import { BlockProof } from './block-proof.js';

/** A grant in the words of one NAS. */
interface Rendered {
  readonly kind: 'rendered';
  /** VLAN, ACL and role attributes, encoded; what is individual to a session is not in it. */
  readonly block: Buffer;
  /** Equal fingerprints: the NAS would do the same, whatever else changed in the policy. */
  readonly fingerprint: string;
}

export interface AuthorizedAccess extends Omit<Rendered, 'kind'> {
  readonly kind: 'access';
  readonly grant: AccessGrant;
  /** What a session keeps of it: made once, because every authentication compares it. */
  readonly session: DecidedGrant;
  /** In an event's words. */
  readonly reason: string;
}

/** All of a session's grant but the decision's own name. */
export type DecidedGrant = Omit<SessionGrant, 'decisionId'>;

export interface RefusedAccess {
  readonly kind: 'refused';
  /** A counter's name. */
  readonly reason: 'no-grant' | 'no-port-acl' | 'not-renderable' | 'no-credential';
  readonly detail: string;
}

export type Decision = AuthorizedAccess | RefusedAccess;

/** Everything but the device that a decision depends on. */
export interface Place {
  readonly nas: NasEntry;
  readonly ssid: string | null;
}

export interface PolicyFunctions {
  readonly accessFor: (snapshot: Snapshot, deviceClass: string, site: string, posture: Posture) => AccessGrant | null;
  /** The attributes of a grant for this NAS, encoded. Throws when the make can't express it. */
  readonly renderGrant: (snapshot: Snapshot, nas: NasEntry, grant: AccessGrant) => Buffer;
}

const maxRemembered = 200_000;

/**
 * What a device gets on a port, by one snapshot: class, site and posture → grant → attribute block. It does not decide
 * anything itself (the snapshot's access table does); it makes the answer a lookup.
 *
 * Blocks are rendered when the snapshot is taken, so that what can't be rendered is known before a device asks, and what does
 * not mean the snapshot's port ACL before anything is sent.
 */
export class Authorizer {
  private readonly decisions = new Map<string, Decision>();
  private readonly blocks = new Map<string, Rendered | RefusedAccess>();
  /** In front of `decisions`, by the objects themselves: no key has to be put together. */
  private recent: RecentDecisions = new Map();
  private recentCount = 0;
  /** Grants that some NAS can't be told, for the log. */
  readonly problems: readonly string[];
  /** Blocks that do not mean what the snapshot says: with one of them, none of this may be used. */
  readonly differences: readonly string[];

  constructor(
    private readonly snapshot: Snapshot,
    private readonly policy: PolicyFunctions,
  ) {
    const makes = new Map(snapshot.nas.map((nas) => [makeOf(nas), nas]));
    const problems = new Set<string>();
    const differences = new Set<string>();
    const proof = new BlockProof(snapshot);
    const proved = new Set<Rendered>();
    for (const grant of snapshot.accessTable) {
      for (const nas of makes.values()) {
        const decision = this.render(nas, grant);
        if (decision.kind === 'refused') problems.add(decision.detail);
        else if (!proved.has(decision)) {
          const difference = proof.check(nas, grant, decision.block);
          if (difference) differences.add(difference);
          proved.add(decision);
        }
      }
    }
    this.problems = [...problems];
    this.differences = [...differences];
  }

  get digest(): string {
    return this.snapshot.digest;
  }

  decide(place: Place, device: DeviceKey, method: AuthenticationMethod): Decision {
    const site = siteOf(place);
    const bySite = child(child(this.recent, place.nas), site);
    const known = bySite.get(device);
    if (known?.method === method) return known.decision;
    const decision = this.decideNew(place, site, device, method);
    if (++this.recentCount > maxRemembered) {
      this.recent = new Map();
      this.recentCount = 0;
    } else bySite.set(device, { method, decision });
    return decision;
  }

  private decideNew(place: Place, site: string, device: DeviceKey, method: AuthenticationMethod): Decision {
    const posture = effectivePosture(this.snapshot, device.posture, method);
    const key = `${makeOf(place.nas)} ${site} ${posture} ${device.class}`;
    let decision = this.decisions.get(key);
    if (!decision) {
      decision = this.look(place.nas, device.class, site, posture);
      if (this.decisions.size >= maxRemembered) this.decisions.clear();
      this.decisions.set(key, decision);
    }
    return decision;
  }

  private look(nas: NasEntry, deviceClass: string, site: string, posture: Posture): Decision {
    const grant = this.policy.accessFor(this.snapshot, deviceClass, site, posture);
    if (grant) return this.grant(nas, grant);
    const detail = `no access rule for class \`${deviceClass}\`, site \`${site}\`, posture ${posture}`;
    return { kind: 'refused', reason: 'no-grant', detail };
  }

  private grant(nas: NasEntry, grant: AccessGrant): Decision {
    const rendered = this.render(nas, grant);
    if (rendered.kind === 'refused') return rendered;
    const { posture, site, segment, vlan, role } = grant;
    const rule = `${grant.rule.file}:${grant.rule.line}`;
    const snapshotDigest = this.snapshot.digest;
    return {
      ...rendered,
      kind: 'access',
      grant,
      session: { class: grant.class, posture, site, segment, vlan, role, rule, snapshotDigest },
      reason: `${grant.class} at ${site}, ${posture}: ${segment} by ${rule}`,
    };
  }

  private render(nas: NasEntry, grant: AccessGrant): Rendered | RefusedAccess {
    const key = `${makeOf(nas)} ${grant.vlan} ${grant.voice} ${grant.sgt} ${grant.role}`;
    let rendered = this.blocks.get(key);
    if (!rendered) this.blocks.set(key, (rendered = this.renderNew(nas, grant)));
    return rendered;
  }

  private renderNew(nas: NasEntry, grant: AccessGrant): Rendered | RefusedAccess {
    if (!Object.hasOwn(this.snapshot.portAcls, grant.role)) {
      return {
        kind: 'refused',
        reason: 'no-port-acl',
        detail: `the snapshot has no port ACL for class \`${grant.role}\``,
      };
    }
    try {
      const block = this.policy.renderGrant(this.snapshot, nas, grant);
      return { kind: 'rendered', block, fingerprint: sha256(block).slice(0, 24) };
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      const detail = `NAS profile \`${nas.profile}\` can't be told segment \`${grant.segment}\` of class \`${grant.class}\`: ${why}`;
      return { kind: 'refused', reason: 'not-renderable', detail };
    }
  }
}

/** What a session keeps of a decision once the NAS was told. */
export function grantFields({ session }: AuthorizedAccess, decisionId: string): SessionGrant {
  return { ...session, decisionId };
}

type RecentDecisions = Map<NasEntry, Map<string, Map<DeviceKey, Recent>>>;

interface Recent {
  readonly method: AuthenticationMethod;
  readonly decision: Decision;
}

function child<K, L, V>(map: Map<K, Map<L, V>>, key: K): Map<L, V> {
  let found = map.get(key);
  if (!found) map.set(key, (found = new Map()));
  return found;
}

/** On wireless the SSID may refine the NAS's site. */
export function siteOf({ nas, ssid }: Place): string {
  return ssid !== null && Object.hasOwn(nas.ssidSites, ssid) ? nas.ssidSites[ssid]! : nas.site;
}

/** What of a NAS its attributes depend on. */
const makeOf = (nas: NasEntry): string => `${nas.profile}/${nas.aclEntries ?? ''}/${nas.portAcl}`;
