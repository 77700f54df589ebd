import type { AuthenticationMethod } from '#model';
import { isCovered, type Coverage, type Snapshot } from '#policy/snapshot';
import type { DeviceKey } from '../device-index.js';
import { siteOf, type Authorizer, type Decision, type Place } from './authorizer.js';

/** One policy, and what it decides. */
export interface DecidingPolicy {
  readonly snapshot: Snapshot;
  readonly authorizer: Authorizer;
}

/** A policy that is being rolled out, and where it holds already. */
export interface StagedDecision extends DecidingPolicy {
  readonly coverage: Coverage;
}

/** Which policy decides for a device on a port: the one in force, or the one that is being rolled out where that has got to. */
export class StagedAuthorizer {
  constructor(
    private readonly inForce: DecidingPolicy,
    private readonly next: StagedDecision | null,
  ) {}

  policyFor(place: Place, mac: string): DecidingPolicy {
    const { next } = this;
    return next && isCovered(next.coverage, siteOf(place), mac) ? next : this.inForce;
  }

  decide(place: Place, mac: string, device: DeviceKey, method: AuthenticationMethod): Decision {
    // Without a rollout, which is most of the time, no site has to be looked up.
    const { authorizer } = this.next === null ? this.inForce : this.policyFor(place, mac);
    return authorizer.decide(place, device, method);
  }

  /** Grants that some NAS can't be told, for the log. */
  get problems(): readonly string[] {
    return [...this.inForce.authorizer.problems, ...(this.next?.authorizer.problems ?? [])];
  }

  /** By either policy. */
  hasDigest(digest: string | null): boolean {
    return digest === this.inForce.snapshot.digest || digest === this.next?.snapshot.digest;
  }
}
