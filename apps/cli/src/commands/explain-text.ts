import type { ExplainedPart, FlowExplanation, MatchingRule, NearRule, PacketBox, RoleTaken, RuleLine } from '#policy';
import type { Blame } from '../blame.js';
import { bold, countOf, green, print, red, yellow } from '../output.js';

/** An explanation to be read at 3 a.m.: the verdict, why, then each line with all that led to it. */
export function printExplanation(
  asked: { readonly from: string; readonly to: string; readonly app: string },
  answer: FlowExplanation,
  blame: Blame,
  at: string,
): void {
  print(`${verdict(answer.verdict)}  ${bold(`${asked.from} → ${asked.to}  ${asked.app}`)}`);
  print(`       ${answer.reason}`);
  print(`       as of ${at.slice(0, 16).replace('T', ' ')} UTC`);
  if (answer.role) printRole(answer.role, blame);
  for (const hint of answer.hints) print(`       ${yellow('note')}: ${hint}`);
  const several = answer.parts.length > 1;
  for (const [i, part] of answer.parts.entries()) {
    if (several) printPartHead(part, i + 1);
    printPart(part, blame);
  }
}

const verdict = (is: 'allow' | 'deny'): string => (is === 'allow' ? green('ALLOW') : red('DENY '));

function printRole({ class: device, site, posture, segment, role, rule }: RoleTaken, blame: Blame): void {
  if (segment === null || role === null || rule === null) return;
  const counts = role === device ? 'it keeps its class' : `it counts as ${bold(role)} there`;
  print(`       ${device} at ${site}, ${posture}: segment ${segment}, ${counts}`);
  printLine(rule, '         by ');
  printOrigin(rule, blame);
}

const mostBoxes = 6;

function printPartHead({ verdict: is, packets, example, reason }: ExplainedPart, number: number): void {
  print('');
  print(`${bold(`part ${number}`)}  ${verdict(is)}  ${reason}`);
  for (const box of packets.slice(0, mostBoxes)) print(`  ${boxText(box)}`);
  if (packets.length > mostBoxes) print(`  … and ${countOf(packets.length - mostBoxes, 'more line')} (--json has all)`);
  print(`  for example ${example.from} → ${example.to}  ${example.service}`);
}

const boxText = ({ from, to, services }: PacketBox): string => `${few(from)} → ${few(to)}  ${services}`;

const few = (texts: readonly string[]): string =>
  texts.length > 4 ? `${texts.slice(0, 3).join(', ')} and ${texts.length - 3} more` : texts.join(', ');

function printPart({ rules, nearest, verdict: is }: ExplainedPart, blame: Blame): void {
  for (const rule of rules) printRule(rule, blame);
  if (rules.length > 0 || is === 'allow') return;
  print('');
  if (nearest.length === 0) print('  no allow rule names either side in a similar way');
  else print('  nearest rules, and why they do not match');
  for (const near of nearest) printNear(near, blame);
}

function printRule(rule: MatchingRule, blame: Blame): void {
  const { subject, object, application } = rule.paths;
  const effect = rule.effect === 'allow' ? green('allow') : red('deny');
  print('');
  printLine(rule, `  ${effect}${rule.decides ? '' : ' (a deny overrides it)'}  `);
  print(`      from  ${chain(subject)}`);
  print(`      to    ${chain(object)}`);
  print(`      app   ${chain(application)}`);
  printOrigin(rule, blame);
}

function printNear(near: NearRule, blame: Blame): void {
  print('');
  printLine(near, '  ');
  for (const [label, column] of words) {
    const why = near.mismatches.find((mismatch) => mismatch.column === column)?.why;
    const path = column === 'when' ? undefined : near.paths[column];
    if (why !== undefined) print(`    ${red('✗')} ${label}  ${why}`);
    else if (path) print(`    ${green('✓')} ${label}  ${chain(path)}`);
  }
  for (const deny of near.overriddenBy) {
    printLine(deny, `    ${red('!')} even then a deny stops all or part of it: `);
    printOrigin(deny, blame);
  }
  printOrigin(near, blame);
}

const words = [
  ['from', 'subject'],
  ['to  ', 'object'],
  ['app ', 'application'],
  ['when', 'when'],
] as const;

function printLine({ file, line, text }: RuleLine, before: string): void {
  print(`${before}${bold(`${file}:${line}`)}  ${text}`);
}

function printOrigin(line: RuleLine, blame: Blame): void {
  const origin = blame(line);
  if (origin === null) return;
  if (!origin.committed) return print('      git   not committed yet');
  const { commit, author, at, summary, orEarlier } = origin;
  const who = author.replace(/ <.*>$/, '');
  print(`      git   ${commit.slice(0, 12)}${orEarlier ? ' or earlier' : ''}, ${at.slice(0, 10)}, ${who}: ${summary}`);
}

const chain = (path: readonly string[]): string => path.join(' → ');
