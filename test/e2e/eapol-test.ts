import { execFile, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'vitest';

const run = promisify(execFile);
/** It tells of each authentication at length, and may make a thousand. */
const maxOutput = 64 * 1024 * 1024;

/** wpa_supplicant's own code on a RADIUS server. A missing peer is an error where the tests count. */
export function hasEapolTest(): boolean {
  const isThere = spawnSync('eapol_test', ['-v']).error === undefined;
  if (!isThere && process.env['CI']) throw new Error('eapol_test is missing: install eapoltest');
  return isThere;
}

export interface EapolTarget {
  /** For configurations. */
  readonly folder: string;
  readonly port: number;
  readonly secret: string;
}

/** `network`: lines of its configuration. Resolves to what it prints, whether it comes to a good end or not. */
export async function eapolTest(
  { folder, port, secret }: EapolTarget,
  network: readonly string[],
  options: readonly string[],
): Promise<string> {
  const configuration = join(folder, `supplicant-${randomBytes(4).toString('hex')}.conf`);
  writeFileSync(
    configuration,
    ['network={', ' key_mgmt=WPA-EAP', ...network.map((line) => ` ${line}`), '}'].join('\n'),
  );
  const target = ['-c', configuration, '-a', '127.0.0.1', '-p', `${port}`, '-s', secret];
  return run('eapol_test', [...target, ...options], { maxBuffer: maxOutput }).then(
    ({ stdout }) => stdout,
    ({ stdout }: { stdout: string }) => stdout,
  );
}

export interface EapolAttempt {
  readonly tls?: '1.2' | '1.3';
  readonly fragmentSize?: number;
  /** Authentications after the first, which try to resume its session. */
  readonly again?: number;
  readonly mac?: string;
}

/** What belongs to any attempt by TLS, besides the method and who it is. */
export function attemptLines({ tls = '1.2', fragmentSize = 1398 }: EapolAttempt): string[] {
  return [
    `fragment_size=${fragmentSize}`,
    `phase1="tls_disable_tlsv1_3=${tls === '1.3' ? 0 : 1} tls_disable_session_ticket=0"`,
  ];
}

export const attemptOptions = ({ again = 0 }: EapolAttempt, mac: string): string[] => [
  '-M',
  mac,
  '-t',
  '10',
  '-r',
  `${again}`,
];

/** What eapol_test says last; on a surprise, with what it said before. */
export function expectEnd(stdout: string, end: 'SUCCESS' | 'FAILURE'): void {
  const tail = stdout.trim().slice(-3000);
  expect(tail.endsWith(`\n${end}`) ? end : tail).toBe(end);
}

export function vlanIn(stdout: string): string {
  const [, hex = ''] = /Tunnel-Private-Group-Id\) .*\n\s+Value: ([0-9a-f]+)/.exec(stdout) ?? [];
  return Buffer.from(hex, 'hex').toString('latin1');
}
