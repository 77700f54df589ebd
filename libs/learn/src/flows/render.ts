import type { Evidence, NewApplication, NewEndpoint, ProposedLine } from './learned.js';

/** Where proposals are put: paths in the policy. */
export interface LearnedPaths {
  readonly rules: string;
  readonly endpoints: string;
  readonly applications: string;
}

/** `learned-2026-11-30`, or with a number behind it where the policy has such a file. */
export function pathsFor(files: ReadonlyMap<string, string>, at: Date): LearnedPaths {
  const day = `learned-${at.toISOString().slice(0, 10)}`;
  for (let i = 1; ; i++) {
    const name = i === 1 ? day : `${day}-${i}`;
    const paths = {
      rules: `rules/${name}.csv`,
      endpoints: `catalog/endpoints-${name}.yaml`,
      applications: `catalog/applications-${name}.yaml`,
    };
    if (!Object.values(paths).some((path) => files.has(path))) return paths;
  }
}

const count = (many: number, noun: string): string => `${many} ${noun}${many === 1 ? '' : 's'}`;

/** `412 connections of 12 devices, 2026-11-01 to 2026-11-28` */
export function evidenceText({ connections, devices, firstSeen, lastSeen }: Evidence): string {
  const [first, last] = [firstSeen, lastSeen].map((at) => at.slice(0, 10));
  const days = first === last ? `on ${first}` : `${first} to ${last}`;
  return `${count(connections, 'connection')} of ${count(devices, 'device')}, ${days}`;
}

/** The line as it stands in a file of rules. */
export function lineText({ subject, object, application, when, evidence }: ProposedLine): string {
  return `p, ${subject}, ${object}, ${application}, allow, ${when}, "learned: ${evidenceText(evidence)}"`;
}

/** A file of rules: each with an example above it, and with what it opens beyond what was seen. */
export function renderRules(lines: readonly ProposedLine[]): string {
  const out = [
    '# Proposed by `cordon learn` from seen connections. Nobody has reviewed them: read each line, give it a reason, remove the rest.',
    '# subject, object, application, effect, when, note',
  ];
  for (const line of lines) {
    out.push('', `# for example ${line.evidence.example}`);
    for (const text of line.broader) out.push(`# BROADER than what was seen: ${text}`);
    out.push(lineText(line));
  }
  return `${out.join('\n')}\n`;
}

export function renderEndpoints(endpoints: readonly NewEndpoint[]): string {
  const lines = endpoints.map(
    ({ name, address }) =>
      `${name}: { addresses: [${JSON.stringify(address)}], description: seen by cordon learn; give it a name and an owner }`,
  );
  return `${lines.join('\n')}\n`;
}

export function renderApplications(applications: readonly NewApplication[]): string {
  const lines = applications.map(
    ({ name, ports }) => `${name}: { ports: [${ports.join(', ')}], source: seen by cordon learn; give it a name }`,
  );
  return `${lines.join('\n')}\n`;
}

/** All files that belong together; none where nothing is proposed. */
export function renderFiles(
  paths: LearnedPaths,
  lines: readonly ProposedLine[],
  endpoints: readonly NewEndpoint[],
  applications: readonly NewApplication[],
): ReadonlyMap<string, string> {
  if (lines.length === 0) return new Map();
  return new Map([
    [paths.rules, renderRules(lines)],
    ...(endpoints.length > 0 ? [[paths.endpoints, renderEndpoints(endpoints)] as const] : []),
    ...(applications.length > 0 ? [[paths.applications, renderApplications(applications)] as const] : []),
  ]);
}
