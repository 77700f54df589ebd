import { spawnSync } from 'node:child_process';

export interface RadclientReply {
  /** `Access-Accept`, or null when nothing valid came back. */
  readonly code: string | null;
  /** As FreeRADIUS's dictionaries name and print them, in order. */
  readonly attributes: readonly (readonly [name: string, value: string])[];
  readonly output: string;
}

/** Without Debian's freeradius-utils the tests are skipped, visibly; a CI run must not skip them. */
export function hasRadclient(): boolean {
  const isThere = spawnSync('radclient', ['-v']).status === 0;
  if (!isThere && process.env['CI']) throw new Error('radclient is missing: install freeradius-utils');
  return isThere;
}

/** Sends one request with Debian's radclient, an implementation that shares no code with ours. */
export function radclient(
  port: number,
  command: 'auth' | 'acct' | 'status',
  secret: string,
  attributes: Readonly<Record<string, string>>,
  server = '127.0.0.1',
): RadclientReply {
  const input = Object.entries(attributes)
    .map(([name, value]) => `${name} = ${/^(0x|\d+\.|[A-Z][a-z]+-)/.test(value) ? value : `"${value}"`}`)
    .join('\n');
  const { stdout, stderr } = spawnSync(
    'radclient',
    ['-x', '-r', '1', '-t', '2', `${server.includes(':') ? `[${server}]` : server}:${port}`, command, secret],
    {
      input: `${input}\n`,
      encoding: 'utf8',
    },
  );
  const lines = stdout.split('\n');
  const start = lines.findIndex((line) => line.startsWith('Received '));
  const code = start < 0 ? null : (/^Received (\S+)/.exec(lines[start]!)?.[1] ?? null);
  const found = lines.slice(start + 1).flatMap((line) => {
    const match = /^\t([\w-]+)(?::\d+)? = (.*)$/.exec(line);
    return match ? [[match[1]!, match[2]!.replace(/^"(.*)"$/, '$1')] as const] : [];
  });
  return { code, attributes: start < 0 ? [] : found, output: stdout + stderr };
}
