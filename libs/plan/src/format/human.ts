import { formatDiagnostic } from '#base';
import type { FlowChange, PolicyPlan, SeenFlow, TestOutcome } from '../plan.js';
import {
  auditLineText,
  coaKindsText,
  accessRows,
  countOf,
  days,
  flowText,
  grouped,
  lineText,
  neverSeenText,
  nothingChanges,
  placeOf,
  rolesText,
  shortDigest,
  summaryRows,
  visible,
} from './words.js';

/** How to set off what matters; on anything but a terminal all four give the text back. */
export interface Paint {
  readonly bad: (text: string) => string;
  readonly good: (text: string) => string;
  readonly warn: (text: string) => string;
  readonly strong: (text: string) => string;
}

const same = (text: string): string => text;
const plain: Paint = { bad: same, good: same, warn: same, strong: same };

export interface HumanOptions {
  readonly paint?: Paint;
  /** Columns of the terminal. */
  readonly width?: number;
  /** Entries of a list that are shown. */
  readonly limit?: number;
}

/** For a terminal: the summary first, then each part that has something to say. */
export function formatHuman(plan: PolicyPlan, options: HumanOptions = {}): string {
  const page = new Page(options.paint ?? plain, options.width ?? 100, options.limit ?? 20);
  const { paint } = page;
  page.line(
    `${paint.strong('plan')} ${shortDigest(plan.from.digest)} -> ${shortDigest(plan.to.digest)}, judged at ${plan.at}`,
  );
  page.line('');
  for (const [what, text, isBad] of summaryRows(plan))
    page.wrapped(`  ${what.padEnd(17)}`, text, 19, isBad ? paint.bad : same);
  if (!plan.changed) page.section(nothingChanges(plan));
  writeTests(page, plan);
  writeFlows(page, plan);
  writeAudit(page, plan);
  writeSeen(page, plan);
  writeAccess(page, plan);
  writeNetwork(page, plan);
  if (plan.findings.length > 0) {
    page.section(`new findings (${grouped(plan.findings.length)})`);
    page.list(plan.findings, (finding) => {
      const [head = '', ...rest] = formatDiagnostic(finding).split('\n');
      page.wrapped('  ', visible(head), 4, finding.severity === 'error' ? paint.bad : paint.warn);
      for (const line of rest) page.wrapped('      ', visible(line.trim()), 6);
    });
  }
  return page.text();
}

function writeTests(page: Page, { tests }: PolicyPlan): void {
  const { paint } = page;
  const write = (title: string, list: readonly TestOutcome[], colour: (text: string) => string): void => {
    if (list.length === 0) return;
    page.section(`${title} (${grouped(list.length)})`);
    page.list(list, (test) => {
      page.wrapped('  ', `${test.kind} ${visible(test.name)}, ${placeOf(test)}`, 4, colour);
      page.list(test.failures, (failure) => page.wrapped('      ', visible(failure), 8));
    });
  };
  write('BROKEN by this change', tests.newlyBroken, paint.bad);
  write('broken before and after', tests.stillBroken, paint.bad);
  write('removed or rewritten tests: what they watched is not watched any more', tests.removed, paint.warn);
  write('fixed by this change', tests.newlyFixed, paint.good);
}

function writeFlows(page: Page, { flows, dormant, to }: PolicyPlan): void {
  for (const change of ['opened', 'closed'] as const) {
    const list = flows.filter((flow) => flow.change === change);
    if (list.length === 0) continue;
    page.section(`flows ${change} (${grouped(list.length)}), by risk`);
    page.list(list, (flow) => writeFlow(page, flow));
  }
  if (dormant.length === 0) return;
  page.section(`changed lines without effect at this time (${grouped(dormant.length)}): plan again with --at`);
  page.list(dormant, ({ sign, text, when, ...place }) =>
    page.wrapped('  ', `${sign} ${placeOf(place)}  ${visible(text)}  [${visible(when)}]`, 6),
  );
  if (to.nextChangeAt) page.line(`  the new policy changes by itself next at ${to.nextChangeAt}`);
}

function writeAudit(page: Page, { audit }: PolicyPlan): void {
  if (!audit) return;
  page.section(`lines in audit (${grouped(audit.lines.length)}): they change nothing`);
  page.list(audit.lines, (line) => page.wrapped('  ', auditLineText(line), 11));
  page.list(audit.would ?? [], (flow) => {
    const what = flow.change === 'opened' ? 'would open' : 'would close';
    page.wrapped('  ', `${what} ${flowText(flow)}`, 11);
  });
}

function writeFlow(page: Page, flow: FlowChange): void {
  const { paint } = page;
  const sign = flow.change === 'opened' ? '+' : '-';
  const colour = flow.risk === 'high' ? paint.bad : flow.risk === 'medium' ? paint.warn : same;
  page.wrapped(`  ${sign} ${flow.risk.padEnd(7)}`, flowText(flow), 13, colour);
  page.wrapped('           ', visible(flow.reasons.join('; ')), 13);
  page.list(flow.lines, (line) => page.wrapped('           ', lineText(line), 15));
}

function writeSeen(page: Page, { observed }: PolicyPlan): void {
  if (!observed) return;
  const { window } = observed;
  const write = (title: string, list: readonly SeenFlow[], colour: (text: string) => string): void => {
    if (list.length === 0) return;
    page.section(`${title} (${grouped(list.length)})`);
    page.list(list, (flow) => {
      page.wrapped('  ', visible(`${flow.source} -> ${flow.destination}: ${flow.service}`), 4, colour);
      const { devices, connections, packets, lastSeen, reason } = flow;
      const counts = `${countOf(devices, 'device')}, ${countOf(connections, 'connection')}, ${countOf(packets, 'packet')}`;
      page.wrapped('      ', visible(`${counts}, last ${lastSeen}; ${reason}`), 8);
      page.list(flow.lines, (line) => page.wrapped('      ', lineText(line), 10));
    });
  };
  write('seen flows that BREAK', observed.broken, page.paint.bad);
  write('seen flows that are denied already', observed.deniedAlready, same);
  write('seen flows that were denied and open', observed.opened, page.paint.warn);
  page.section('observation window: silence outside it proves nothing');
  const when = window.first && window.last ? days(window.first, window.last) : 'no record';
  page.wrapped('  ', `${when}, ${countOf(window.records, 'record')} (${window.format})`, 4);
  const parts = [
    `${countOf(window.connections, 'connection')} judged`,
    `${countOf(window.replies, 'reply', 'replies')} not counted`,
    `${grouped(window.undecided)} whose opening side can't be told`,
    `${grouped(window.unattributed)} in a device segment, device unknown`,
    `${grouped(window.foreign)} between no devices of ours`,
    `${grouped(window.malformed)} malformed`,
  ];
  page.wrapped('  ', parts.join('; '), 4);
  if (window.neverSeen.length === 0) return;
  page.wrapped('  ', `never seen, though allowed to: ${neverSeenText(window.neverSeen)}`, 4, page.paint.warn);
}

function writeAccess(page: Page, { access, coa, budgets }: PolicyPlan): void {
  const { paint } = page;
  const rows = accessRows(access.changes);
  if (rows.length > 0) {
    page.section('access: who is placed or filtered otherwise');
    page.list(rows, ({ classes, places, devices, sample, what }) => {
      const count = devices === null ? '' : `${countOf(devices, 'device')}: `;
      page.wrapped('  ', `${count}${visible(page.names(classes))}`, 4, paint.strong);
      page.wrapped('      ', what, 8);
      page.wrapped('      ', `at ${visible(page.names(places))}`, 8);
      if (sample.length > 0) page.wrapped('      ', visible(page.names(sample, devices ?? 0)), 8);
    });
  }
  if (access.rendered.length > 0) {
    page.section('what switches are told, before and after (unchanged lines left out)');
    page.list(access.rendered, ({ profile, roles, lines, moved, appliesTo }) => {
      const places = countOf(appliesTo.length, 'place');
      page.wrapped('  ', `${rolesText(roles)} on ${visible(profile)}, ${places}`, 4, paint.strong);
      page.list(lines, ({ sign, text }) =>
        page.wrapped('      ', visible(`${sign} ${text}`), 8, sign === '+' ? paint.good : paint.bad),
      );
      if (moved > 0) page.line(`        ${countOf(moved, 'line')} only at another place`);
    });
  }
  if (coa && coa.total + coa.byKind.untold > 0) {
    page.section(`messages to switches (${grouped(coa.total)})`);
    page.wrapped('  ', coaKindsText(coa), 4);
    page.list(coa.perNas, ({ nas, messages, byCriticality }) => {
      const life = byCriticality['life-critical'];
      page.wrapped(
        '  ',
        `${grouped(messages).padStart(7)}  ${visible(nas ?? 'switch not known')}, ${grouped(life)} life-critical`,
        11,
      );
    });
  }
  const changed = budgets.filter(({ before, after, exceeded }) => exceeded || before?.entries !== after?.entries);
  if (changed.length === 0) return;
  page.section('longest port ACL per switch');
  page.list(changed, ({ nas, limit, before, after, exceeded }) => {
    const show = (worst: typeof before): string => (worst ? `${worst.entries} (${worst.role})` : 'none');
    const text = `${nas}: ${show(before)} -> ${show(after)} of ${limit ?? 'unlimited'}`;
    page.wrapped('  ', visible(text), 4, exceeded ? paint.bad : same);
  });
}

function writeNetwork(page: Page, { network }: PolicyPlan): void {
  if (network.length === 0) return;
  page.section(`switches, enforcement points, segments (${grouped(network.length)})`);
  page.list(network, ({ kind, name, change, fields }) =>
    page.wrapped('  ', visible(`${kind} ${name}: ${change}${fields.length > 0 ? ` (${fields.join(', ')})` : ''}`), 4),
  );
}

/** Lines of a page that is no wider than it may be. */
class Page {
  private readonly lines: string[] = [];

  constructor(
    readonly paint: Paint,
    private readonly width: number,
    private readonly limit: number,
  ) {}

  line(text: string): void {
    this.lines.push(text);
  }

  section(title: string): void {
    this.lines.push('', this.paint.strong(title));
  }

  /** `head` and text, broken at blanks; what follows stands `indent` columns in. */
  wrapped(head: string, text: string, indent: number, colour: (text: string) => string = same): void {
    let prefix = head;
    let rest = text;
    for (;;) {
      const room = this.width - prefix.length;
      if (rest.length <= room) break;
      const blank = rest.lastIndexOf(' ', room);
      const cut = blank > room / 2 ? blank : room;
      this.lines.push(prefix + colour(rest.slice(0, cut)));
      rest = rest.slice(cut).trimStart();
      prefix = ' '.repeat(indent);
    }
    this.lines.push((prefix + colour(rest)).trimEnd());
  }

  list<T>(items: readonly T[], write: (item: T) => void): void {
    for (const item of items.slice(0, this.limit)) write(item);
    if (items.length > this.limit) this.lines.push(`  and ${grouped(items.length - this.limit)} more`);
  }

  names(names: readonly string[], total = names.length): string {
    const shown = names.slice(0, 6);
    const more = Math.max(total, names.length) - shown.length;
    return more > 0 ? `${shown.join(', ')} and ${grouped(more)} more` : shown.join(', ');
  }

  text(): string {
    return `${this.lines.join('\n')}\n`;
  }
}
