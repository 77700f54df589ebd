import { canonicalJson } from '#base';
import { stagedPolicySchema, type StagedPolicy } from '#model';
import { coverageOf, type NasEntry, type Snapshot } from '#policy/snapshot';
import { Authorizer, type PolicyFunctions } from './authentication/authorizer.js';
import { StagedAuthorizer } from './authentication/staged-authorizer.js';
import { ClientTable } from './clients/client-table.js';
import type { SecretLookup } from './config.js';
import type { Log } from './log.js';

/** A snapshot, what is being rolled out beside it, and what is derived from both; replaced as a whole. */
export interface ActivePolicy {
  /** The one in force. */
  readonly snapshot: Snapshot;
  /** The one that is being rolled out. */
  readonly next: Snapshot | null;
  readonly clients: ClientTable;
  readonly authorizer: StagedAuthorizer;
}

export interface SnapshotSource extends PolicyFunctions {
  /** Throws when the value is no snapshot or its digest does not hold. */
  readonly decode: (json: unknown) => Snapshot;
  readonly secretOf: (reference: string) => SecretLookup;
  /** Called with what is in force from now on. */
  readonly onTaken: (snapshot: Snapshot, policy: ActivePolicy) => void;
  /** Called when another policy is being rolled out, holds at more places, or is none any more. */
  readonly onStaged: (staged: StagedPolicy | null, policy: ActivePolicy) => void;
}

interface Staged {
  readonly message: StagedPolicy;
  readonly snapshot: Snapshot;
}

/**
 * The last good snapshot, and the one that is being rolled out. A bad one is refused whole and changes nothing; what makes one good is the
 * decoder's to say, and that its attribute blocks, read back, mean its port ACLs.
 *
 * Of a rollout, access and port ACLs hold where it has got to. So do its switches: one at a site that is not covered is known as it was.
 * 802.1X, RADIUS over TLS and proxies are of all sites at once, and change when the rollout is over.
 *
 * INVARIANT: a request sees one state: client table, authorizer and digests belong together.
 */
export class SnapshotStore {
  private active: ActivePolicy | null = null;
  private staged: Staged | null = null;
  /** Those of the policies at hand, by what they were made of. */
  private authorizers = new Map<string, Authorizer>();
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

  /** Of what is being rolled out; null: nothing is. */
  get rolloutVersion(): string | null {
    return this.staged?.message.version ?? null;
  }

  /** Throws on a bad snapshot. */
  take(json: unknown): ActivePolicy {
    const snapshot = this.source.decode(json);
    const active = this.derive(snapshot, this.staged);
    for (const { nas, problem } of active.clients.unusable) {
      this.log('error', 'RADIUS client left out: its secret is not usable', { nas, problem });
    }
    for (const problem of active.authorizer.problems) this.log('error', 'grant can not be told', { problem });
    this.active = active;
    this.source.onTaken(snapshot, active);
    this.log('info', 'snapshot taken', { digest: snapshot.digest, commit: snapshot.provenance.commit });
    return active;
  }

  /** Throws on a bad snapshot: what was being rolled out before goes on to hold where it did. */
  stage(json: unknown): void {
    const message = json === null ? null : stagedPolicySchema.parse(json);
    const known = this.staged?.message.snapshot;
    const isKnown = message !== null && digestOf(known) !== null && digestOf(known) === digestOf(message.snapshot);
    const staged = message && {
      message,
      snapshot: isKnown ? this.staged!.snapshot : this.source.decode(message.snapshot),
    };
    if (!this.active) throw new Error('nothing can be rolled out before there is a policy in force');
    this.active = this.derive(this.active.snapshot, staged);
    this.staged = staged;
    this.source.onStaged(message, this.active);
    const { sites = [], devices = [] } = message ?? {};
    this.log('info', message ? 'rollout' : 'no rollout any more', {
      digest: staged?.snapshot.digest ?? null,
      sites: sites.length,
      devices: devices.length,
    });
  }

  private derive(snapshot: Snapshot, staged: Staged | null): ActivePolicy {
    const next = staged && staged.snapshot.digest !== snapshot.digest ? staged.snapshot : null;
    const coverage = next && staged ? coverageOf(next, stagesOf(staged.message)) : null;
    const nas = next && coverage ? switchesOf(snapshot, next, coverage.sites) : snapshot.nas;
    const kept = this.authorizers;
    const made = new Map<string, Authorizer>();
    const decidingBy = (of: Snapshot) => {
      const key = `${of.digest} ${nas === of.nas ? '' : canonicalJson(nas.map(({ prefix: _, ...entry }) => entry))}`;
      const authorizer = kept.get(key) ?? this.authorizerOf(nas === of.nas ? of : { ...of, nas });
      made.set(key, authorizer);
      return { snapshot: of, authorizer };
    };
    const authorizer = new StagedAuthorizer(
      decidingBy(snapshot),
      next && coverage && { ...decidingBy(next), coverage },
    );
    const clients = new ClientTable({ nas, proxies: snapshot.proxies }, this.source.secretOf);
    this.authorizers = made;
    this.refusal = null;
    return { snapshot, next, clients, authorizer };
  }

  private authorizerOf(snapshot: Snapshot): Authorizer {
    const authorizer = new Authorizer(snapshot, this.source);
    const [difference] = authorizer.differences;
    if (difference === undefined) return authorizer;
    this.refusal = { digest: snapshot.digest, problem: difference };
    this.log('error', 'snapshot refused: switches would be told something else than it says', this.refusal);
    throw new Error(`the snapshot's attributes do not mean its port ACLs: ${difference}`);
  }
}

const stagesOf = ({ sites, devices }: StagedPolicy) => [{ name: '', sites, devices, soakSeconds: 0 }];

/** Those of the policy in force, but at covered sites those of the next one. */
function switchesOf(before: Snapshot, next: Snapshot, sites: ReadonlySet<string>): readonly NasEntry[] {
  const fresh = next.nas.filter(({ site }) => sites.has(site));
  const names = new Set(fresh.map(({ name }) => name));
  const kept = before.nas.filter(({ name, site }) => !names.has(name) && !sites.has(site));
  return [...kept, ...fresh];
}

/** What it calls itself: the decoder proves it. */
const digestOf = (encoded: unknown): string | null =>
  typeof encoded === 'object' && encoded !== null && 'digest' in encoded && typeof encoded.digest === 'string'
    ? encoded.digest
    : null;
