import type { Snapshot } from '#policy/snapshot';
import { Authorizer, type PolicyFunctions } from './authentication/authorizer.js';
import { ClientTable } from './clients/client-table.js';
import type { SecretLookup } from './config.js';
import type { Log } from './log.js';

/** A snapshot and what is derived from it; replaced as a whole. */
export interface ActivePolicy {
  readonly snapshot: Snapshot;
  readonly clients: ClientTable;
  readonly authorizer: Authorizer;
}

export interface SnapshotSource extends PolicyFunctions {
  /** Throws when the value is no snapshot or its digest does not hold. */
  readonly decode: (json: unknown) => Snapshot;
  readonly secretOf: (reference: string) => SecretLookup;
  /** Called with what is in force from now on. */
  readonly onTaken: (snapshot: Snapshot, policy: ActivePolicy) => void;
}

/**
 * The last good snapshot. A bad one is refused whole and changes nothing; what makes one good is the decoder's to say, and that
 * its attribute blocks, read back, mean its port ACLs.
 *
 * INVARIANT: a request sees one snapshot: client table, authorizer and digest are of the same.
 */
export class SnapshotStore {
  private active: ActivePolicy | null = null;
  /** The snapshot that was refused last, and why; null once one is taken. */
  private refusal: { readonly digest: string; readonly problem: string } | null = null;

  constructor(
    private readonly source: SnapshotSource,
    private readonly log: Log,
  ) {}

  get current(): ActivePolicy | null {
    return this.active;
  }

  get refused(): { readonly digest: string; readonly problem: string } | null {
    return this.refusal;
  }

  /** Throws on a bad snapshot. */
  take(json: unknown): ActivePolicy {
    const snapshot = this.source.decode(json);
    const clients = new ClientTable(snapshot, this.source.secretOf);
    const authorizer = new Authorizer(snapshot, this.source);
    const [difference] = authorizer.differences;
    if (difference !== undefined) {
      this.refusal = { digest: snapshot.digest, problem: difference };
      this.log('error', 'snapshot refused: switches would be told something else than it says', this.refusal);
      throw new Error(`the snapshot's attributes do not mean its port ACLs: ${difference}`);
    }
    for (const { nas, problem } of clients.unusable) {
      this.log('error', 'RADIUS client left out: its secret is not usable', { nas, problem });
    }
    for (const problem of authorizer.problems) this.log('error', 'grant can not be told', { problem });
    this.active = { snapshot, clients, authorizer };
    this.refusal = null;
    this.source.onTaken(snapshot, this.active);
    this.log('info', 'snapshot taken', { digest: snapshot.digest, commit: snapshot.provenance.commit });
    return this.active;
  }
}
