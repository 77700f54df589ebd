import { remembered } from '#base';
import type { Membership } from '#model';
import { AddressMap, type Address } from '#net';
import type { Snapshot } from '#policy';
import { isNewer, type LiveSession } from '../sessions/live-sessions.js';

/** What the device of an address counts as now, and by which policy. */
export interface AddressRole {
  readonly class: string;
  readonly snapshot: Snapshot;
}

/** A session says that its device has the address. */
export interface Claim {
  readonly session: LiveSession;
  readonly address: Address;
  /** In canonical form. */
  readonly text: string;
  readonly snapshot: Snapshot;
  /** Null: the address has no place. */
  readonly role: string | null;
}

type Held = Claim & { readonly role: string };

const hasRole = (claim: Claim): claim is Held => claim.role !== null;

export interface Members {
  readonly membership: Membership;
  readonly roles: AddressMap<AddressRole>;
  /** Under which somebody has a role. */
  readonly snapshots: ReadonlySet<Snapshot>;
}

interface Claims {
  readonly session: LiveSession;
  readonly claims: readonly Claim[];
}

interface Ports {
  readonly claimsOf: (session: LiveSession) => readonly Claim[];
  readonly nameOf: (snapshot: Snapshot, role: string) => string;
}

/**
 * Who is a member of what at a site, followed from look to look: of a thousand sessions a few change between two. A set that nothing changed
 * in is the same object as before, so that nobody needs to compare it.
 */
export class SiteMembers {
  private readonly known = new Map<string, Claims>();
  /** Most addresses are claimed by one session. */
  private readonly claimants = new Map<string, Claim[]>();
  private readonly holders = new Map<string, Held>();
  private readonly counts = new Map<Snapshot, number>();
  private readonly shared = new Map<string, AddressRole>();
  private last: Members = { membership: new Map(), roles: new AddressMap(), snapshots: new Set() };

  constructor(private readonly ports: Ports) {}

  /** `sessions`: all that count, each once; one that did not change is the same object as before. */
  follow(sessions: readonly LiveSession[]): Members {
    const touched = new Map<string, Address>();
    let count = 0;
    for (const session of sessions) {
      count++;
      const before = this.known.get(session.id);
      if (before?.session === session) continue;
      this.forget(before, touched);
      const claims = this.ports.claimsOf(session);
      this.known.set(session.id, { session, claims });
      for (const claim of claims) {
        touched.set(claim.text, claim.address);
        remembered(this.claimants, claim.text, (): Claim[] => []).push(claim);
      }
    }
    if (count < this.known.size) this.forgetOthers(sessions, touched);
    if (touched.size > 0) this.decide(touched);
    return this.last;
  }

  private forgetOthers(sessions: readonly LiveSession[], touched: Map<string, Address>): void {
    const gone = new Set(this.known.keys());
    for (const { id } of sessions) gone.delete(id);
    for (const id of gone) {
      this.forget(this.known.get(id), touched);
      this.known.delete(id);
    }
  }

  private forget(before: Claims | undefined, touched: Map<string, Address>): void {
    for (const claim of before?.claims ?? []) {
      touched.set(claim.text, claim.address);
      const left = this.claimants.get(claim.text)!.filter((each) => each !== claim);
      if (left.length > 0) this.claimants.set(claim.text, left);
      else this.claimants.delete(claim.text);
    }
  }

  private decide(touched: ReadonlyMap<string, Address>): void {
    const moved = [...touched].flatMap(([text, address]) => {
      const [before, after] = [this.holders.get(text), this.holderOf(text)];
      if (after) this.holders.set(text, after);
      else this.holders.delete(text);
      const stays = before?.role === after?.role && before?.snapshot === after?.snapshot;
      return stays ? [] : [{ text, address, before, after }];
    });
    if (moved.length === 0) return;
    const sets = new Changes(this.last.membership);
    const roles = this.last.roles.copy();
    for (const { text, address, before, after } of moved) {
      if (before) this.leave(before, sets.of(this.nameOf(before)));
      roles.delete(address);
      if (!after) continue;
      sets.of(this.nameOf(after)).add(text);
      this.count(after.snapshot, 1);
      roles.set(address, this.shareOf(after));
    }
    this.last = { membership: sets.done(), roles, snapshots: new Set(this.counts.keys()) };
  }

  private leave({ text, snapshot }: Held, set: Set<string>): void {
    set.delete(text);
    this.count(snapshot, -1);
  }

  private nameOf({ snapshot, role }: Held): string {
    return this.ports.nameOf(snapshot, role);
  }

  /** Of several the one heard of last has the address, and if it has no place there, nobody has. */
  private holderOf(text: string): Held | undefined {
    let holder: Claim | undefined;
    for (const claim of this.claimants.get(text) ?? [])
      if (!holder || isNewer(claim.session, holder.session)) holder = claim;
    return holder && hasRole(holder) ? holder : undefined;
  }

  private count(snapshot: Snapshot, change: number): void {
    const count = (this.counts.get(snapshot) ?? 0) + change;
    if (count > 0) this.counts.set(snapshot, count);
    else this.counts.delete(snapshot);
  }

  private shareOf({ snapshot, role }: Held): AddressRole {
    return remembered(this.shared, `${snapshot.digest} ${role}`, () => ({ class: role, snapshot }));
  }
}

/** Copies of sets that are changed, and the others as they are. */
class Changes {
  private readonly copies = new Map<string, Set<string>>();

  constructor(private readonly before: Membership) {}

  of(name: string): Set<string> {
    return remembered(this.copies, name, () => new Set(this.before.get(name)));
  }

  done(): Membership {
    const after = new Map([...this.before, ...this.copies]);
    for (const [name, { size }] of this.copies) if (size === 0) after.delete(name);
    return after;
  }
}
