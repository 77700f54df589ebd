import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { counterFamilies, familyOf } from './counter-families.js';

describe('what a counter is called in Prometheus', () => {
  it.each([
    ['authentication.requests', 'cordon_radius_requests_total', { port: 'authentication' }],
    ['accounting.requests', 'cordon_radius_requests_total', { port: 'accounting' }],
    ['authentication.reject.no-grant', 'cordon_radius_rejects_total', { reason: 'no-grant' }],
    [
      'authentication.dropped.malformed.too-short',
      'cordon_radius_dropped_total',
      { port: 'authentication', reason: 'malformed.too-short' },
    ],
    ['authentication.unsigned.exception', 'cordon_radius_unsigned_total', { why: 'exception' }],
    ['radsec.refused.certificate', 'cordon_radius_tls_refused_total', { reason: 'certificate' }],
    ['radsec.handshakes.failed', 'cordon_radius_tls_refused_total', { reason: 'handshake' }],
    ['radsec.links', 'cordon_radius_tls_links_total', { outcome: 'opened' }],
    ['radsec.links.failed', 'cordon_radius_tls_links_total', { outcome: 'failed' }],
    ['accounting.start', 'cordon_radius_accounting_records_total', { status: 'start' }],
    ['authentication.acl-downloads', 'cordon_radius_acl_downloads_total', {}],
    ['eap.success.password', 'cordon_radius_eap_successes_total', { method: 'password' }],
    ['eap.success.tls-1.3', 'cordon_radius_eap_handshakes_total', { version: '1.3', handshake: 'full' }],
    ['eap.success.tls-1.3.resumed', 'cordon_radius_eap_handshakes_total', { version: '1.3', handshake: 'resumed' }],
    [
      'coa.outcome.CoA-Request.nak.503',
      'cordon_radius_coa_outcomes_total',
      { kind: 'CoA-Request', outcome: 'nak', error_cause: '503' },
    ],
    [
      'coa.outcome.Disconnect-Request.timeout.none',
      'cordon_radius_coa_outcomes_total',
      { kind: 'Disconnect-Request', outcome: 'timeout', error_cause: 'none' },
    ],
    ['faults', 'cordon_bridge_faults_total', { kind: 'datagram' }],
    ['coa.faults', 'cordon_bridge_faults_total', { kind: 'coa' }],
    ['socket.errors', 'cordon_bridge_faults_total', { kind: 'socket' }],
    ['news.of-tomorrow', 'cordon_bridge_other_total', { counter: 'news.of-tomorrow' }],
  ])('%s is %s %j', (counter, name, labels) => {
    const found = familyOf(counter);
    expect([found?.family.name, found?.labels]).toEqual([name, labels]);
  });

  it.each(['authentication.rejects', 'coa.ack'])('%s is the sum of others and is left out', (counter) => {
    expect(familyOf(counter)).toBeNull();
  });

  it('every counter that the bridge names in its code has a metric of its own', () => {
    const names = counterNames(join(import.meta.dirname, '..'));
    expect(names.length).toBeGreaterThan(25);
    const other = counterFamilies.at(-1)!.name;
    expect(names.filter((name) => familyOf(name)?.family.name === other)).toEqual([]);
  });
});

/** Names in calls of `add` and `addFor`; what a template fills in becomes an x. */
function counterNames(folder: string): string[] {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(
    (file) => file.endsWith('.ts') && !file.endsWith('.spec.ts'),
  );
  const names = files.flatMap((file) => {
    const text = readFileSync(join(folder, file), 'utf8');
    const calls = text.matchAll(/counters\.add(?:For)?\((?:[\w.]+, )?(?:'([^']+)'|`([^`]+)`)/g);
    return [...calls].map(([, plain, template]) => (plain ?? template!).replaceAll(/\$\{[^}]*\}/g, 'x'));
  });
  // The status of an accounting record is out of a list, so an x would match nothing.
  return [...new Set(names)].filter((name) => name !== 'accounting.x' && name !== 'coa.x');
}
