import type { AuthenticationMethod } from '#model';
import type { Mac } from '#net';
import type { RequestContext } from '#radius';
import type { Counters } from '../counters.js';
import type { AuthenticationNote, Recorder } from '../journal/recorder.js';
import { portOf } from '../sessions/identification.js';
import type { Acceptance, SessionTable } from '../sessions/session-table.js';
import type { SnapshotStore } from '../snapshot-store.js';
import type { AuthorizedAccess } from './authorizer.js';
import type { DecisionIds } from './decision-id.js';

export interface DecisionPorts {
  readonly snapshots: SnapshotStore;
  readonly sessions: Pick<SessionTable, 'accepted'>;
  readonly recorder: Pick<Recorder, 'authentication'>;
  readonly counters: Counters;
}

/** An Access-Accept that goes out. */
export interface AcceptedDecision {
  readonly asked: AskedFor;
  readonly context: RequestContext;
  readonly mac: Mac;
  readonly decision: AuthorizedAccess;
  readonly method: AuthenticationMethod;
}

/** What of a request is written down, besides what it says. */
export interface AskedFor {
  readonly client: { readonly nas: { readonly name: string } };
  readonly nasAddress: string;
  /** Why the request was taken although it was not signed; null: it was. */
  readonly exception: string | null;
}

export interface Refusal {
  readonly mac: Mac | null;
  /** What was shown, where that was in order and policy gave nothing for it. */
  readonly method?: AuthenticationMethod;
  /** A counter's name. */
  readonly reason: string;
  readonly detail: string;
}

/** So that each use of an exception is found in the events. */
export const withException = (reason: string, exception: string | null): string =>
  exception === null ? reason : `${reason} (${exception})`;

/** Writes down what was decided, by whatever way it was asked: counters, the session, and the event for the history. It decides nothing. */
export class DecisionRecorder {
  constructor(
    private readonly ports: DecisionPorts,
    private readonly decisionIds: DecisionIds,
    private readonly now: () => number,
  ) {}

  accepted(accepted: AcceptedDecision, decisionId: string): AuthenticationNote {
    const { asked, context, mac, decision, method } = accepted;
    const { client, nasAddress, exception } = asked;
    const { counters, sessions } = this.ports;
    const now = this.now();
    const nas = client.nas.name;
    counters.addFor(nas, 'authentication.accepts');
    const acceptance: Acceptance = {
      mac,
      nas,
      nasAddress,
      ssid: context.ssid,
      method,
      heard: context,
      grant: decision.session,
      decisionId,
      told: decision.fingerprint,
    };
    if (!sessions.accepted(acceptance, now)) counters.add('sessions.untracked');
    return this.note({
      at: now,
      mac,
      nas,
      nasPort: portOf(context),
      outcome: 'accept',
      reason: withException(decision.reason, exception),
      code: null,
      method,
      grant: decision.session,
      snapshotDigest: decision.session.snapshotDigest,
      decisionId,
    });
  }

  rejected(nas: string, context: RequestContext, refusal: Refusal): AuthenticationNote {
    const { counters, snapshots } = this.ports;
    counters.addFor(nas, 'authentication.rejects');
    counters.addFor(nas, `authentication.reject.${refusal.reason}`);
    return this.note({
      at: this.now(),
      mac: refusal.mac ?? context.callingStation,
      nas,
      nasPort: portOf(context),
      outcome: 'reject',
      reason: refusal.detail,
      code: refusal.reason,
      method: refusal.method ?? null,
      grant: null,
      snapshotDigest: snapshots.current?.snapshot.digest ?? null,
      decisionId: this.decisionIds.next(),
    });
  }

  private note(note: AuthenticationNote): AuthenticationNote {
    this.ports.recorder.authentication(note);
    return note;
  }
}
