import { compareText, type Diagnostic, type Severity } from '#base';
import type { FlowChange, PolicyPlan, TestOutcome } from '../plan.js';
import { flowText, visible } from './words.js';

export interface SarifOptions {
  /** Folder of the policy in its repository, `policies/`: alerts are shown at files of the repository. */
  readonly root?: string;
}

interface SarifResult {
  readonly ruleId: string;
  readonly level: 'error' | 'warning' | 'note';
  readonly message: { readonly text: string };
  readonly locations: readonly unknown[];
}

const rules: Readonly<Record<string, string>> = {
  'plan-opens-high-risk': 'The change opens a flow of high risk',
  'plan-breaks-test': 'A test or an invariant of the policy does not hold',
  'plan-breaks-seen-flow': 'The change breaks a flow that was seen in use',
};

/** SARIF 2.1.0 for code scanning: what a reviewer must see, at the lines of `to` that do it. */
export function formatSarif(plan: PolicyPlan, { root = '' }: SarifOptions = {}): string {
  const { flows, tests, observed, findings } = plan;
  return log(
    [
      ...flows
        .filter(({ change, risk }) => change === 'opened' && risk === 'high')
        .map((flow) => openedResult(flow, root)),
      ...[...tests.newlyBroken, ...tests.stillBroken].map((test) => testResult(test, root)),
      ...(observed?.broken ?? []).map((seen): SarifResult => {
        const text = `breaks ${seen.source} -> ${seen.destination}: ${seen.service}, seen from ${seen.devices} devices, last ${seen.lastSeen}`;
        return result('plan-breaks-seen-flow', 'error', text, inNewPolicy(seen.lines), root);
      }),
      ...findings.map((finding) => findingResult(finding, root)),
    ],
    findings,
  );
}

/** A refused policy: its diagnostics, so that they are shown at their lines. */
export function formatSarifRefusal(diagnostics: readonly Diagnostic[], { root = '' }: SarifOptions = {}): string {
  return log(
    diagnostics.map((finding) => findingResult(finding, root)),
    diagnostics,
  );
}

function log(results: readonly SarifResult[], findings: readonly Diagnostic[]): string {
  const codes = [...new Set(findings.map(({ code }) => code))].sort(compareText);
  const described = [
    ...Object.entries(rules).map(([id, text]) => ({ id, shortDescription: { text } })),
    ...codes.map((id) => ({ id, shortDescription: { text: `Finding ${id} of the policy` } })),
  ];
  const driver = {
    name: 'cordon',
    informationUri: 'https://docs.oasis-open.org/sarif/sarif/v2.1.0/',
    rules: described,
  };
  const run = { tool: { driver }, columnKind: 'utf16CodeUnits', results };
  const $schema = 'https://json.schemastore.org/sarif-2.1.0.json';
  return `${JSON.stringify({ $schema, version: '2.1.0', runs: [run] }, null, 2)}\n`;
}

function openedResult(flow: FlowChange, root: string): SarifResult {
  const gone = flow.lines.filter(({ sign }) => sign === '-').map(({ file, line, text }) => `${file}:${line} ${text}`);
  const why = gone.length > 0 ? `; by removing ${gone.join(' and ')}` : '';
  const text = `opens ${flowText(flow)} (${flow.reasons.join('; ')})${why}`;
  const lines = inNewPolicy(flow.lines);
  const places = lines.length > 0 ? lines : flow.lines.map(({ file }) => ({ file, line: null }));
  return result('plan-opens-high-risk', 'error', text, places, root);
}

/** A line that is gone has no place in the new files. */
const inNewPolicy = (lines: FlowChange['lines']): FlowChange['lines'] => lines.filter(({ sign }) => sign !== '-');

function testResult({ kind, name, file, line, failures }: TestOutcome, root: string): SarifResult {
  const places = failures.flatMap((failure) => [...failure.matchAll(/((?:rules)\/[^\s,:]+\.csv):(\d+)/g)]);
  const by = places.map(([, path, number]) => ({ file: path!, line: Number(number) }));
  const shown = failures.slice(0, 5).join('; ') + (failures.length > 5 ? `; and ${failures.length - 5} more` : '');
  return result(
    'plan-breaks-test',
    'error',
    `${kind} ${name} does not hold: ${shown}`,
    [...by.slice(0, 1), { file, line }],
    root,
  );
}

function findingResult({ severity, code, summary, hint, span }: Diagnostic, root: string): SarifResult {
  return result(code, levels[severity], `${summary}: ${hint}`, span ? [span] : [], root);
}

const levels: Readonly<Record<Severity, SarifResult['level']>> = { error: 'error', warning: 'warning', info: 'note' };

function result(
  ruleId: string,
  level: SarifResult['level'],
  text: string,
  places: readonly { readonly file: string; readonly line: number | null }[],
  root: string,
): SarifResult {
  const locations = places.slice(0, 1).map(({ file, line }) => ({
    physicalLocation: {
      artifactLocation: { uri: encodeURI(visible(root + file)) },
      ...(line === null ? {} : { region: { startLine: line } }),
    },
  }));
  return { ruleId, level, message: { text: visible(text) }, locations };
}
