import type { Suspicion } from './commands/suspicions.js';
import type { Authentication, CoaOutcome, Posture, Session } from '#model';

/* What the controller's /api/v1/history and /api/v1/history/placement answer, as far as it is shown. */

export interface PolicyVersion {
  readonly commit: string;
  readonly author: string;
  readonly committedAt: string;
  readonly message: string;
  readonly inForceAt: string;
}

export type Placement = Pick<
  Session,
  'class' | 'posture' | 'site' | 'segment' | 'vlan' | 'role' | 'rule' | 'snapshotDigest'
>;

export type SessionChange =
  | { readonly kind: 'began'; readonly placement: Placement }
  | { readonly kind: 'moved'; readonly from: Placement; readonly placement: Placement }
  | { readonly kind: 'told'; readonly coa: CoaOutcome }
  | { readonly kind: 'ended'; readonly reason: string | null };

interface AuditRecord {
  readonly at: string;
  readonly actor: string;
  readonly action: string;
  readonly reason: string | null;
  readonly before: Readonly<Record<string, unknown>> | null;
  readonly after: Readonly<Record<string, unknown>> | null;
}

type Grant = Pick<Authentication, 'class' | 'posture' | 'segment' | 'vlan' | 'rule'>;

export type HistoryEntry =
  | { readonly type: 'authentication'; readonly at: string; readonly authentication: Authentication }
  | {
      readonly type: 'session';
      readonly at: string;
      readonly mac: string;
      readonly nas: string;
      readonly nasPort: string | null;
      readonly change: SessionChange;
    }
  | ({ readonly type: 'device' } & AuditRecord)
  | { readonly type: 'suspicion'; readonly at: string; readonly suspicion: Suspicion }
  | {
      readonly type: 'policy';
      readonly at: string;
      readonly mac: string;
      readonly version: PolicyVersion;
      readonly from: Grant;
      readonly to: Grant;
    };

export interface HistoryAnswer {
  readonly entries: readonly HistoryEntry[];
  readonly versions: Readonly<Record<string, PolicyVersion>>;
  readonly isCut: boolean;
}

export interface PlacedDevice {
  readonly mac: string | null;
  readonly nas: string;
  readonly nasPort: string | null;
  readonly state: 'placed' | 'rejected' | 'gone';
  readonly since: string;
  readonly by: 'authentication' | 'coa' | 'session-end';
  readonly class: string | null;
  readonly posture: Posture | null;
  readonly site: string | null;
  readonly method: Session['method'] | null;
  readonly segment: string | null;
  readonly vlan: number | null;
  readonly decisionId: string | null;
  readonly reason: string | null;
  readonly rule: {
    readonly file: string;
    readonly line: number;
    readonly origin: {
      readonly text: string;
      readonly commit: string;
      readonly author: string;
      readonly at: string;
      readonly summary: string;
    } | null;
  } | null;
  readonly policy: PolicyVersion | null;
  readonly classSetBy: AuditRecord | null;
  readonly postureSetBy: AuditRecord | null;
}

export interface PlacementAnswer {
  readonly at: string;
  readonly devices: readonly PlacedDevice[];
}
