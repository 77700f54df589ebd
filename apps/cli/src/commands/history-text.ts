import type { HistoryEntry, PolicyVersion, SessionChange } from '../history-answers.js';
import { green, red, yellow } from '../output.js';
import { shown } from '../table.js';
import { formatTime } from '../times.js';
import type { Suspicion } from './suspicions.js';
import { describeAuthentication } from './tail.js';

/** One line of a history. */
export function describeEntry(entry: HistoryEntry, versions: Readonly<Record<string, PolicyVersion>>): string {
  const at = formatTime(entry.at);
  switch (entry.type) {
    case 'authentication':
      return describeAuthentication(entry.authentication);
    case 'session':
      return `${at}  ${entry.mac}  ${shown(entry.nas)} ${shown(entry.nasPort)}  ${describeChange(entry.change, versions)}`;
    case 'device':
      return `${at}  ${yellow('record')}  ${entry.action} by ${shown(entry.actor)}${describeFields(entry)}${entry.reason ? `: ${shown(entry.reason)}` : ''}`;
    case 'suspicion':
      return `${at}  ${red('suspicion')}  ${describeSuspicion(entry.suspicion)}`;
    case 'policy':
      break;
  }
  const { version, from, to } = entry;
  const moved = `${shown(from.segment)} (VLAN ${from.vlan}) to ${shown(to.segment)} (VLAN ${to.vlan})`;
  return `${at}  ${yellow('policy')}  ${describeCommit(version)} moves ${entry.mac} from ${moved}, by ${shown(to.rule)}`;
}

function describeSuspicion({ id, mac, kind, action, reason, count, state }: Suspicion): string {
  const often = count > 1 ? `, seen ${count} times` : '';
  return `${id} of ${mac}: ${kind}, ${action}: ${shown(reason)}${often}; ${state}`;
}

function describeChange(change: SessionChange, versions: Readonly<Record<string, PolicyVersion>>): string {
  switch (change.kind) {
    case 'began': {
      const { segment, vlan } = change.placement;
      return `session began in ${shown(segment)} (VLAN ${vlan})`;
    }
    case 'moved': {
      const { from, placement } = change;
      const version = versions[placement.snapshotDigest];
      const policy = version ? `, policy ${version.commit.slice(0, 12)}` : '';
      const where = `${shown(from.segment)} (VLAN ${from.vlan}) to ${shown(placement.segment)} (VLAN ${placement.vlan})`;
      return `session moved from ${where}: ${shown(placement.class)}, ${placement.posture}, by ${shown(placement.rule)}${policy}`;
    }
    case 'told': {
      const { request, outcome, reason } = change.coa;
      return `${request} ${outcome === 'ack' ? green(outcome) : red(outcome)}: ${shown(reason)}`;
    }
    case 'ended':
      break;
  }
  return `session ended: ${shown(change.reason)}`;
}

/** What of the record changed: class and posture decide where a device is, so they come with their values. */
function describeFields({ before, after }: Extract<HistoryEntry, { type: 'device' }>): string {
  const fields = (['class', 'posture'] as const).filter((field) => before?.[field] !== after?.[field]);
  return fields.map((field) => `, ${field} ${shown(text(before?.[field]))} to ${shown(text(after?.[field]))}`).join('');
}

const text = (value: unknown): string | null => (typeof value === 'string' ? value : null);

/** `1a2b3c4d5e6f (“close the gateway”, Ada <ada@…>)`. */
export function describeCommit({
  commit,
  message,
  author,
}: Pick<PolicyVersion, 'commit' | 'message' | 'author'>): string {
  return `${commit.slice(0, 12)} (“${shown(message)}”, ${shown(author)})`;
}
