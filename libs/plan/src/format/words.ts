import type { AccessChange, FlowChange, LineChange, Placement, PlanSummary, PolicyPlan, Risk } from '../plan.js';

/* What the formats have in common: words, and what a hostile text may not do to any of them. */

/**
 * A text of the policy, the inventory or the flows, made harmless for a line: control characters, direction overrides and
 * invisible characters are written out, so that what is read is what is there.
 */
export function visible(text: string): string {
  return text.replaceAll(/\p{Cc}|\p{Cf}|\p{Zl}|\p{Zp}/gu, (found) => {
    const code = found.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0');
    return `\\u${code}`;
  });
}

export function countOf(count: number, noun: string, plural = `${noun}s`): string {
  return `${grouped(count)} ${count === 1 ? noun : plural}`;
}

/** 1234567 → 1,234,567: the same everywhere, unlike the machine's own habit. */
export function grouped(count: number): string {
  return `${count}`.replaceAll(/\B(?=(\d{3})+$)/g, ',');
}

export const risks: readonly Risk[] = ['high', 'medium', 'low'];

export const shortDigest = (digest: string): string => digest.slice(0, 12);

export const placeOf = ({ file, line }: { file: string; line: number }): string => `${visible(file)}:${line}`;

export function flowText({ source, destination, services }: FlowChange): string {
  return visible(`${source.text} -> ${destination.text}: ${services.text}`);
}

export function placementText(placement: Placement | null): string {
  return placement ? `${placement.segment} (VLAN ${placement.vlan})` : 'rejected';
}

export function lineText({ sign, text, because, ...place }: LineChange): string {
  return `${sign} ${placeOf(place)}  ${visible(text)}${because ? `  [${visible(because)}]` : ''}`;
}

/** Rows of the summary: what, and how many. The first thing that anybody reads. */
export function summaryRows(plan: PolicyPlan): readonly (readonly [what: string, text: string, isBad: boolean])[] {
  const { summary, tests, coa } = plan;
  const perRisk = (counts: PlanSummary['opened']): string =>
    risks.map((risk) => `${grouped(counts[risk])} ${risk}`).join(', ');
  return [
    ['tests', testsText(plan), summary.testsBroken + summary.testsRemoved > 0],
    ['access', accessText(plan), false],
    ['flows opened', `${perRisk(summary.opened)} risk`, summary.opened.high > 0],
    ['flows closed', `${perRisk(summary.closed)} risk`, summary.closed.high > 0],
    ['seen flows', seenText(plan), (summary.seenFlowsBroken?.flows ?? 0) > 0],
    ['other times', otherTimesText(plan), summary.dormant > 0],
    ...(plan.audit ? [['in audit', auditText(plan.audit), false] as const] : []),
    ['new findings', grouped(summary.findings), summary.findings > 0],
    ['ACL budgets', budgetText(plan), summary.budgetsExceeded > 0],
    ['messages', coa ? messagesText(plan) : 'not known without an inventory', false],
    ...(plan.network.length > 0
      ? [['network', `${countOf(plan.network.length, 'entry', 'entries')} changed`, false] as const]
      : []),
    ...(tests.total === 0 ? [['invariants', 'none: nothing watches over this policy', true] as const] : []),
  ];
}

/** A plan is for one instant, and must not be taken for more. */
function otherTimesText({ summary: { dormant, timed } }: PolicyPlan): string {
  if (dormant + timed === 0) return 'the same: no line has hours or an end';
  const lines = dormant > 0 ? `${countOf(dormant, 'changed line')} without effect at this instant; ` : '';
  return `${lines}${countOf(timed, 'line')} with hours or an end: not planned, see --at`;
}

function auditText({ lines, would }: NonNullable<PolicyPlan['audit']>): string {
  const of = (...changes: (typeof lines)[number]['change'][]): number =>
    lines.filter(({ change }) => changes.includes(change)).length;
  const moves = [
    of('comes') > 0 ? `${grouped(of('comes'))} new` : '',
    of('goes') > 0 ? `${grouped(of('goes'))} taken out` : '',
    of('promoted') > 0 ? `${grouped(of('promoted'))} promoted` : '',
  ].filter(Boolean);
  const count = (change: FlowChange['change']): string =>
    countOf(would?.filter((flow) => flow.change === change).length ?? 0, 'flow');
  const effect = would ? `would open ${count('opened')} and close ${count('closed')}, and change nothing now` : '';
  return [`${countOf(of('comes', 'stays'), 'line')}${moves.length > 0 ? ` (${moves.join(', ')})` : ''}`, effect]
    .filter(Boolean)
    .join(': ');
}

export const auditLineText = ({ change, text, ...place }: NonNullable<PolicyPlan['audit']>['lines'][number]): string =>
  `${change.padEnd(8)} ${placeOf(place)}  ${visible(text)}`;

function testsText({ summary, tests }: PolicyPlan): string {
  if (summary.testsBroken + summary.testsFixed + summary.testsRemoved === 0) return `all ${grouped(tests.total)} hold`;
  const parts = [
    tests.newlyBroken.length > 0 ? `${grouped(tests.newlyBroken.length)} newly broken` : '',
    tests.stillBroken.length > 0 ? `${grouped(tests.stillBroken.length)} still broken` : '',
    tests.newlyFixed.length > 0 ? `${grouped(tests.newlyFixed.length)} fixed` : '',
    tests.removed.length > 0 ? `${grouped(tests.removed.length)} removed or rewritten` : '',
  ];
  return `${parts.filter(Boolean).join(', ')} of ${grouped(tests.total)}`;
}

function accessText({ summary, access }: PolicyPlan): string {
  const { devices } = summary;
  if (!devices) {
    const places = countOf(access.changes.length, 'class, site and posture', 'classes, sites and postures');
    return access.changes.length === 0
      ? 'nothing changes (devices not counted: no inventory)'
      : `${places} change (devices not counted: no inventory)`;
  }
  const left = devices.unplaced > 0 ? `; ${grouped(devices.unplaced)} unknown to the policy, not judged` : '';
  return `${grouped(devices.changed)} of ${countOf(devices.total, 'device')} change${left}`;
}

function seenText({ summary, observed }: PolicyPlan): string {
  const { seenFlowsBroken } = summary;
  if (!seenFlowsBroken || !observed) return 'not known without observed flows';
  const { window } = observed;
  if (window.first === null || window.last === null) return 'no record in the file';
  const { flows, devices } = seenFlowsBroken;
  const broken = flows === 0 ? 'none breaks' : `${countOf(flows, 'flow')} of ${countOf(devices, 'device')} break`;
  return `${broken} (${countOf(window.connections, 'connection')}, ${days(window.first, window.last)})`;
}

/** `2026-11-01 to 2026-11-20`. */
export const days = (first: string, last: string): string => `${first.slice(0, 10)} to ${last.slice(0, 10)}`;

function budgetText({ budgets, summary }: PolicyPlan): string {
  const changed = budgets.filter(({ before, after }) => before?.entries !== after?.entries).length;
  const exceeded = `${grouped(summary.budgetsExceeded)} exceeded`;
  return `${exceeded}; longest ACL changes on ${grouped(changed)} of ${countOf(budgets.length, 'switch', 'switches')}`;
}

function messagesText({ coa }: PolicyPlan): string {
  if (!coa || coa.total === 0) return 'none';
  const { byCriticality, total, perNas } = coa;
  const parts = (['life-critical', 'high', 'standard'] as const).map(
    (name) => `${grouped(byCriticality[name])} ${name}`,
  );
  const [most] = perNas;
  const burst = most ? `; at most ${grouped(most.messages)} on one switch` : '';
  return `${grouped(total)} (${parts.join(', ')})${burst}`;
}

/** `2 CoA, 1 disconnect`; what there is none of is left out, but for the first three. */
export function coaKindsText({ byKind }: NonNullable<PolicyPlan['coa']>): string {
  const { change, reauthenticate, disconnect, bounce, untold, unknown } = byKind;
  return [
    `${grouped(change)} CoA`,
    `${grouped(reauthenticate)} re-authentications`,
    `${grouped(disconnect)} disconnects`,
    ...(bounce > 0 ? [`${grouped(bounce)} bounced ports`] : []),
    `${grouped(unknown)} by switches that the inventory does not name`,
    ...(untold > 0 ? [`${countOf(untold, 'device')} told nothing before the next authentication`] : []),
  ].join(', ');
}

/** Access changes that read alike but for site and posture, together. */
export interface AccessRow {
  readonly classes: readonly string[];
  readonly places: readonly string[];
  readonly devices: number | null;
  readonly sample: readonly string[];
  readonly what: string;
}

export function accessRows(changes: readonly AccessChange[]): AccessRow[] {
  const alike = Map.groupBy(changes, (change) => `${whatChanges(change)}|${change.class}`);
  const rows = [...alike.values()].map((list) => {
    const [{ class: name }] = list as [AccessChange];
    const bySite = Map.groupBy(list, ({ site }) => site);
    const places = [...bySite].map(([site, own]) => `${site} (${[...new Set(own.map(postureText))].join(', ')})`);
    const devices = list.some((change) => change.devices === null)
      ? null
      : list.reduce((sum, change) => sum + (change.devices ?? 0), 0);
    return { name, places, devices, sample: list.flatMap(({ sample }) => sample).sort(), what: whatChanges(list[0]!) };
  });
  const merged = Map.groupBy(rows, ({ what, places }) => `${what}|${places.join()}`);
  return [...merged.values()].map((list): AccessRow => {
    const [{ places, what }] = list as [(typeof rows)[number]];
    const isCounted = list.every(({ devices }) => devices !== null);
    return {
      classes: list.map(({ name }) => name),
      places,
      what,
      devices: isCounted ? list.reduce((sum, { devices }) => sum + (devices ?? 0), 0) : null,
      sample: list.flatMap(({ sample }) => sample).sort(),
    };
  });
}

const postureText = ({ posture, profile }: AccessChange): string => (profile ? `${posture} on ${profile}` : posture);

/** `pumps (VLAN 210) -> quarantine (VLAN 666)`, `other port ACL, stays in pumps (VLAN 210)`. */
function whatChanges({ aspects, before, after }: AccessChange): string {
  const moves = aspects.some((aspect) => ['admitted', 'rejected', 'segment', 'vlan'].includes(aspect));
  const parts = [
    moves ? `${placementText(before)} -> ${placementText(after)}` : '',
    aspects.includes('role') ? `counts as ${after?.role} instead of ${before?.role}` : '',
    aspects.includes('sgt') ? `tag ${after?.sgt ?? 'none'} instead of ${before?.sgt ?? 'none'}` : '',
    aspects.includes('voice') ? (after?.voice ? 'told as voice' : 'no longer told as voice') : '',
    aspects.includes('acl') ? (moves ? 'other port ACL' : `other port ACL in ${after?.segment}`) : '',
  ];
  return visible(parts.filter(Boolean).join('; '));
}

/** `a (outbound), b (inbound, outbound)`. */
export function neverSeenText(list: NonNullable<PolicyPlan['observed']>['window']['neverSeen']): string {
  const byClass = Map.groupBy(list, (one) => one.class);
  return [...byClass]
    .map(([name, own]) => visible(`${name} (${own.map(({ direction }) => direction).join(', ')})`))
    .join(', ');
}

export function nothingChanges({ from, to }: PolicyPlan): string {
  return from.digest === to.digest
    ? 'no difference: both are the same policy'
    : 'no difference for any device: other words, same policy';
}

/** `a, b; c -> d`: roles that stay what they are, and those that become others. */
export function rolesText(roles: PolicyPlan['access']['rendered'][number]['roles']): string {
  const kept = roles.filter(({ before, after }) => before === after).map(({ after }) => after);
  const turned = roles.filter(({ before, after }) => before !== after);
  const texts = turned.map(({ before, after }) => `${before ?? 'rejected'} -> ${after ?? 'rejected'}`);
  return visible([kept.join(', '), ...texts].filter(Boolean).join('; '));
}
