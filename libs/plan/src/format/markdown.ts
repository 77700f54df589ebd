import type { Diagnostic } from '#base';
import type { FlowChange, PolicyPlan, SeenFlow, TestOutcome } from '../plan.js';
import {
  auditLineText,
  accessRows,
  coaKindsText,
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

export interface MarkdownOptions {
  /** Size of the whole text: forges cut a comment that is larger, in the middle of whatever stands there. */
  readonly maxBytes?: number;
}

const defaultMaxBytes = 60_000;

interface Section {
  readonly title: string;
  /** Shown without a click. */
  readonly isOpen: boolean;
  readonly intro?: string;
  readonly items: readonly string[];
}

/** As a comment of a pull request: the summary as a table, the details folded. The summary is never cut. */
export function formatMarkdown(plan: PolicyPlan, { maxBytes = defaultMaxBytes }: MarkdownOptions = {}): string {
  const { testsBroken } = plan.summary;
  const title = testsBroken > 0 ? `${countOf(testsBroken, 'test')} of the policy broken` : outcome(plan);
  const rows = summaryRows(plan).map(([what, text, isBad]) => {
    const words = escape(text);
    return `| ${what} | ${isBad ? `**${words}**` : words} |`;
  });
  const digests = `${code(shortDigest(plan.from.digest))} → ${code(shortDigest(plan.to.digest))}`;
  const head = [
    `### Policy plan: ${title}`,
    '',
    `| ${digests} | judged at ${escape(plan.at)} |`,
    '| --- | --- |',
    ...rows,
  ];
  return fit(head.join('\n'), sectionsOf(plan), maxBytes);
}

function outcome(plan: PolicyPlan): string {
  if (!plan.changed) return nothingChanges(plan);
  const { opened, closed, seenFlowsBroken } = plan.summary;
  const parts = [
    opened.high > 0 ? `${countOf(opened.high, 'high-risk flow')} opened` : '',
    seenFlowsBroken && seenFlowsBroken.flows > 0 ? `${countOf(seenFlowsBroken.flows, 'flow')} in use broken` : '',
    closed.high > 0 && !seenFlowsBroken?.flows ? `${countOf(closed.high, 'high-risk flow')} closed` : '',
  ].filter(Boolean);
  return parts.length > 0 ? parts.join(', ') : 'changes, none of high risk';
}

function sectionsOf(plan: PolicyPlan): Section[] {
  const { tests, flows, observed, access, audit, dormant, findings, budgets, coa, network } = plan;
  const flowsOf = (change: FlowChange['change']): string[] =>
    flows.filter((flow) => flow.change === change).map(flowItem);
  const seen = observed ? seenSections(observed) : [];
  const changedBudgets = budgets.filter(
    ({ before, after, exceeded }) => exceeded || before?.entries !== after?.entries,
  );
  return [
    section('Broken by this change', tests.newlyBroken.map(testItem), true),
    section('Broken before and after', tests.stillBroken.map(testItem)),
    section('Tests removed or rewritten: what they watched is not watched any more', tests.removed.map(testItem)),
    ...seen.slice(0, 1),
    section('Flows opened', flowsOf('opened')),
    section('Flows closed', flowsOf('closed')),
    ...seen.slice(1),
    section('Lines in audit: they change nothing', audit ? auditItems(audit) : []),
    section('Access: who is placed or filtered otherwise', accessRows(access.changes).map(accessItem)),
    section('What switches are told, before and after', access.rendered.map(renderedItem)),
    section(
      'Changed lines without effect at this time',
      dormant.map(({ sign, text, when, ...place }) => `- ${code(`${sign} ${placeOf(place)} ${text}`)} (${code(when)})`),
    ),
    section('New findings', findings.map(findingItem)),
    section(
      'Longest port ACL per switch',
      changedBudgets.map(({ nas, limit, before, after }) => {
        const show = (worst: typeof before): string => (worst ? `${worst.entries} (${code(worst.role)})` : 'none');
        return `- ${code(nas)}: ${show(before)} → ${show(after)} of ${limit ?? 'unlimited'}`;
      }),
    ),
    section('Messages to switches', coa ? coaItems(coa) : []),
    section(
      'Switches, enforcement points, segments',
      network.map(({ kind, name, change, fields }) => {
        const which = fields.length > 0 ? ` (${fields.map(code).join(', ')})` : '';
        return `- ${kind} ${code(name)}: ${change}${which}`;
      }),
    ),
    section('Fixed by this change', tests.newlyFixed.map(testItem)),
  ].filter(({ items, intro }) => items.length > 0 || intro !== undefined);
}

function section(title: string, items: readonly string[], isOpen = false): Section {
  return { title: `${title} (${grouped(items.length)})`, isOpen, items };
}

function testItem({ kind, name, failures, ...place }: TestOutcome): string {
  const shown = failures.slice(0, 10).map((failure) => `  - ${code(failure)}`);
  const more = failures.length > 10 ? [`  - and ${failures.length - 10} more`] : [];
  return [`- ${kind} ${code(name)}, ${code(placeOf(place))}`, ...shown, ...more].join('\n');
}

function flowItem(flow: FlowChange): string {
  const lines = flow.lines.map(lineText);
  const shown = lines.slice(0, 10);
  const more = lines.length > 10 ? [`  and ${lines.length - 10} more lines`] : [];
  const why = flow.reasons.map(escape).join('; ');
  return `- **${flow.risk}** ${code(flowText(flow))}<br>${why}\n${fence([...shown, ...more])}`;
}

function auditItems({ lines, would }: NonNullable<PolicyPlan['audit']>): string[] {
  const effects = (would ?? []).map((flow) => {
    const what = flow.change === 'opened' ? 'would open' : 'would close';
    return `- ${what} ${code(flowText(flow))}`;
  });
  return [...lines.map((line) => `- ${code(auditLineText(line))}`), ...effects];
}

function seenSections({ broken, deniedAlready, opened, window }: NonNullable<PolicyPlan['observed']>): Section[] {
  const item = ({ source, destination, service, devices, connections, packets, lastSeen, reason, lines }: SeenFlow) => {
    const counts = `${countOf(devices, 'device')}, ${countOf(connections, 'connection')}, ${countOf(packets, 'packet')}`;
    const place = lines.length > 0 ? `\n${fence(lines.slice(0, 10).map(lineText))}` : '';
    const text = `- ${code(`${source} -> ${destination}: ${service}`)}<br>${counts}, last ${escape(lastSeen)}; ${escape(reason)}`;
    return text + place;
  };
  const when = window.first && window.last ? days(window.first, window.last) : 'no record';
  const facts = [
    `- ${when}: ${countOf(window.records, 'record')} (${window.format}), ${countOf(window.connections, 'connection')} judged`,
    `- not judged: ${countOf(window.replies, 'reply', 'replies')}, ${grouped(window.undecided)} whose opening side can't be told, ${grouped(window.unattributed)} of unknown devices, ${grouped(window.foreign)} between no devices of ours, ${grouped(window.malformed)} malformed`,
    ...(window.neverSeen.length > 0
      ? [
          `- never seen, though allowed to: ${code(neverSeenText(window.neverSeen))}. Silence proves nothing about these.`,
        ]
      : []),
  ];
  return [
    section('Seen flows that break', broken.map(item), true),
    section('Seen flows that were denied and open', opened.map(item)),
    section('Seen flows that are denied already', deniedAlready.map(item)),
    { title: 'Observation window', isOpen: false, items: facts },
  ];
}

function accessItem({ classes, places, devices, sample, what }: ReturnType<typeof accessRows>[number]): string {
  const count = devices === null ? '' : `${countOf(devices, 'device')}: `;
  const total = devices ?? sample.length;
  const ids = sample.slice(0, 5);
  const more = total > ids.length ? ` and ${grouped(total - ids.length)} more` : '';
  const shown = ids.length > 0 ? `<br>${ids.map(code).join(', ')}${more}` : '';
  return `- ${count}${classes.map(code).join(', ')}: ${escape(what)}<br>at ${places.map(escape).join(', ')}${shown}`;
}

function renderedItem(change: PolicyPlan['access']['rendered'][number]): string {
  const { profile, roles, lines, moved, appliesTo } = change;
  const shown = lines.map(({ sign, text }) => `${sign} ${visible(text)}`);
  if (moved > 0) shown.push(`  ${countOf(moved, 'line')} only at another place`);
  return `- ${code(rolesText(roles))} on ${code(profile)}, ${countOf(appliesTo.length, 'place')}\n${fence(shown)}`;
}

function coaItems(coa: NonNullable<PolicyPlan['coa']>): string[] {
  if (coa.total + coa.byKind.untold === 0) return [];
  return [
    `- ${coaKindsText(coa)}`,
    ...coa.perNas.map(({ nas, messages, byCriticality }) => {
      const life = grouped(byCriticality['life-critical']);
      return `- ${nas === null ? 'switch not known' : code(nas)}: ${grouped(messages)}, ${life} life-critical`;
    }),
  ];
}

function findingItem({ severity, code: name, summary, hint, span }: Diagnostic): string {
  const place = span ? `${code(`${span.file}:${span.line}`)} ` : '';
  return `- ${place}${severity} ${code(name)}: ${escape(summary)}<br>${escape(hint)}`;
}

/** A refused policy: there is no plan, only what is wrong. */
export function formatMarkdownRefusal(
  place: string | null,
  diagnostics: readonly Diagnostic[],
  { maxBytes = defaultMaxBytes }: MarkdownOptions = {},
): string {
  const where = place === null ? '' : ` (${code(place)})`;
  const head = `### Policy plan: refused${where}\n\nThere is no plan: ${countOf(diagnostics.length, 'finding')}, below.`;
  return fit(head, [section('Findings', diagnostics.map(findingItem), true)], maxBytes);
}

/** Puts sections under the head while there is room, and says at the head what was cut. */
function fit(head: string, sections: readonly Section[], maxBytes: number): string {
  const room = maxBytes - bytes(head) - 1000;
  let used = 0;
  const cut: string[] = [];
  const parts = sections.map(({ title, isOpen, items }) => {
    const [before, after] = [
      `\n<details${isOpen ? ' open' : ''}><summary>${escape(title)}</summary>\n\n`,
      '\n\n</details>\n',
    ];
    let size = bytes(before) + bytes(after);
    const fitting = items.findIndex((item) => {
      size += bytes(item) + 1;
      return used + size > room;
    });
    const shown = fitting < 0 ? items : items.slice(0, fitting);
    if (shown.length < items.length) cut.push(`${escape(title)}: ${grouped(items.length - shown.length)}`);
    if (shown.length === 0) return '';
    const text = before + shown.join('\n') + after;
    used += bytes(text);
    return text;
  });
  const listed = cut.slice(0, 6).join('; ') + (cut.length > 6 ? '; and other parts' : '');
  const note =
    cut.length > 0
      ? `\n\n**Cut to fit ${grouped(maxBytes)} bytes.** Entries left out: ${listed}. All of them: \`cordon plan --format json\`.`
      : '';
  return `${head}${note}\n${parts.join('')}`;
}

const bytes = (text: string): number => Buffer.byteLength(text);

/** Text in which nothing is markup: neither Markdown, HTML, a table's border, nor a mention of a person or an issue. */
export function escape(text: string): string {
  return visible(text).replaceAll(/[&<>"|`*_~[\]\\@#!$]/g, (found) => `&#${found.codePointAt(0)};`);
}

/** Forges make no mentions and links in code; entities keep all else out. */
const code = (text: string): string => `<code>${escape(text)}</code>`;

/** Lines with a sign before them can't close a fence; `lineText` and the like begin with one. */
function fence(lines: readonly string[]): string {
  return ['  ```diff', ...lines.map((line) => `  ${line}`), '  ```'].join('\n');
}
