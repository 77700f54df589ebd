import type { AuthenticationNote } from '../journal/recorder.js';
import type { Log } from '../log.js';

export type DecisionLog = (note: AuthenticationNote, milliseconds: number) => void;

/** One line per decision, for who collects logs rather than asks the controller. Off unless it is asked for: it costs more than the decision. */
export function decisionLog(log: Log): DecisionLog {
  return ({ decisionId, mac, nas, nasPort, outcome, code, reason, method, grant }, milliseconds) =>
    log('info', 'decision', {
      decision: decisionId,
      mac,
      nas,
      port: nasPort,
      outcome,
      reason: code,
      detail: reason,
      method,
      segment: grant?.segment ?? null,
      vlan: grant?.vlan ?? null,
      rule: grant?.rule ?? null,
      milliseconds: Math.round(milliseconds * 1000) / 1000,
    });
}
