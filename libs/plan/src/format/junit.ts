import type { Diagnostic } from '#base';
import type { PolicyPlan, SeenFlow, TestOutcome } from '../plan.js';
import { lineText, placeOf, visible } from './words.js';

/** JUnit XML: the tests and invariants of `to`, and each seen flow that breaks as a failed case. */
export function formatJunit(plan: PolicyPlan): string {
  const { tests, observed } = plan;
  const all = [...tests.newlyBroken, ...tests.stillBroken, ...tests.passed];
  const cases = all
    .sort((a, b) => (a.file < b.file ? -1 : a.file > b.file ? 1 : a.line - b.line))
    .map(({ kind, name, file, failures }: TestOutcome) => testCase(`${kind} ${name}`, file, failures));
  return suite([...cases, ...(observed ? seenCases(observed.broken) : [])]);
}

/** A refused policy: every finding is a failed case. */
export function formatJunitRefusal(diagnostics: readonly Diagnostic[]): string {
  const cases = diagnostics.map(({ severity, code, summary, hint, span }) => {
    const place = span ? `${placeOf(span)} ` : '';
    return testCase(`${place}${code}`, span?.file ?? 'policy', severity === 'error' ? [`${summary}\n${hint}`] : []);
  });
  return suite(cases);
}

interface Case {
  readonly text: string;
  readonly isFailed: boolean;
}

function seenCases(broken: readonly SeenFlow[]): Case[] {
  if (broken.length === 0) return [testCase('no seen flow breaks', 'observed flows', [])];
  return broken.map(({ source, destination, service, devices, connections, lastSeen, reason, lines }) => {
    const facts = `seen from ${devices} devices in ${connections} connections, last ${lastSeen}; ${reason}`;
    const name = `${source} -> ${destination}: ${service} stays open`;
    return testCase(name, 'observed flows', [[facts, ...lines.map(lineText)].join('\n')]);
  });
}

function suite(cases: readonly Case[]): string {
  const failures = cases.filter(({ isFailed }) => isFailed).length;
  const counts = `tests="${cases.length}" failures="${failures}" errors="0" skipped="0"`;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="cordon plan" ${counts}>`,
    `  <testsuite name="cordon plan" ${counts}>`,
    ...cases.map(({ text }) => text),
    '  </testsuite>',
    '</testsuites>',
    '',
  ].join('\n');
}

function testCase(name: string, file: string, failures: readonly string[]): Case {
  const open = `    <testcase name="${xml(name)}" classname="${xml(file)}"`;
  if (failures.length === 0) return { text: `${open}/>`, isFailed: false };
  const message = failures[0]!.split('\n')[0]!;
  const body = failures.join('\n').split('\n').map(xml).join('\n');
  const failure = `      <failure message="${xml(message)}">${body}</failure>`;
  return { text: [`${open}>`, failure, '    </testcase>'].join('\n'), isFailed: true };
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
};

/** `visible` leaves no control characters; what is left over of a broken surrogate pair is no XML either. */
function xml(text: string): string {
  return visible(text)
    .replaceAll(/[&<>"']/g, (found) => entities[found]!)
    .replaceAll(/[\uFFFE\uFFFF]/g, '\uFFFD')
    .toWellFormed();
}
