import { randomBytes } from 'node:crypto';
import { parseMac } from '#net';
import type { EapAnswer } from '#radius';
import { beforeAll, describe, expect, it } from 'vitest';
import { MemoryAuthority, type Issued } from '../../test/certificates.js';
import { attempt } from '../../test/supplicant.js';
import type { EstablishedTls } from './established.js';
import type { EapMaterial } from './material.js';
import { lost, type Beginning } from './messages.js';
import { TlsPeers } from './tls-peers.js';

const hour = 3_600_000;
const pump = parseMac('00:1a:2b:3c:4d:5e')!;
const names = [{ type: 'dns' as const, value: '00-1A-2B-3C-4D-5E.devices.test' }];
const devices = [{ from: 'dns-name' as const, pattern: '{mac}.devices.test' }];
const versions = ['1.2', '1.3'] as const;

const beginning: Beginning = { method: 'tls', caller: pump, tunnel: null };

const reasonOf = (outcome: EapAnswer<EstablishedTls>): string =>
  outcome.kind === 'failure' ? outcome.reason : outcome.kind;

describe('conversations with real TLS', () => {
  let authority: MemoryAuthority;
  let server: Issued;
  let device: Issued;
  let now = Date.now();

  beforeAll(async () => {
    authority = await MemoryAuthority.create();
    server = await authority.issue('CN=radius', 'serverAuth', []);
    device = await authority.issue('CN=pump', 'clientAuth', names);
  });

  const material = async (
    changes: Partial<EapMaterial> = {},
    revoked: readonly string[] = [],
  ): Promise<EapMaterial> => ({
    methods: ['tls'],
    certificate: server.certificate,
    key: server.key,
    versions,
    resumptionSeconds: 3600,
    ticketKeys: randomBytes(48),
    authorities: [
      {
        name: 'own',
        certificates: authority.certificate,
        revocationLists: await authority.revocationList(revoked),
        ocsp: null,
        devices,
      },
    ],
    ...changes,
  });

  /** Of the inventory; null: there is no record. */
  let recorded: string | null = null;

  const newPeers = (): TlsPeers =>
    new TlsPeers(
      () => now,
      () => Promise.resolve(null),
      (mac) => Promise.resolve(mac === pump ? recorded : null),
    );

  const serving = async (served?: EapMaterial): Promise<TlsPeers> => {
    now = Date.now();
    const peers = newPeers();
    peers.configure(served ?? (await material()));
    return peers;
  };

  it.each(versions)('come to the same keys on both sides, with TLS %s', async (version) => {
    const { outcome, keyMaterial } = await attempt(await serving(), { device, caller: pump, version });
    if (outcome.kind !== 'success') throw new Error(reasonOf(outcome));
    expect(outcome.session).toMatchObject({ mac: pump, version, resumed: false });
    expect(outcome.session.masterSessionKey).toEqual(keyMaterial!.subarray(0, 64));
  });

  it.each(versions)('are each with its own device when many go on at once, with TLS %s', async (version) => {
    const peers = await serving();
    const macs = Array.from({ length: 20 }, (_, i) => parseMac(`00:1a:2b:3c:4d:${(16 + i).toString(16)}`)!);
    const found = await Promise.all(
      macs.map(async (mac) => {
        const own = await authority.issue('CN=pump', 'clientAuth', [
          { type: 'dns', value: `${mac.replaceAll(':', '-')}.devices.test` },
        ]);
        return (await attempt(peers, { device: own, caller: mac, version })).outcome;
      }),
    );
    expect(found.map((outcome) => (outcome.kind === 'success' ? outcome.session.mac : reasonOf(outcome)))).toEqual(
      macs,
    );
    expect(peers.size).toBe(0);
  });

  describe.each(versions)('resumed with TLS %s', (version) => {
    it('are without a full handshake, and have other keys', async () => {
      const peers = await serving();
      const first = await attempt(peers, { device, caller: pump, version });
      const second = await attempt(peers, { device, caller: pump, version, session: first.session });
      if (second.outcome.kind !== 'success') throw new Error(reasonOf(second.outcome));
      expect(second.outcome.session.resumed).toBe(true);
      expect(second.keyMaterial).not.toEqual(first.keyMaterial);
      expect(second.outcome.session.masterSessionKey).toEqual(second.keyMaterial!.subarray(0, 64));
    });

    it.each([
      ['the certificate was revoked meanwhile', 'revoked', /the certificate is revoked/],
      ['it ended meanwhile', 'ended', /the certificate ended/],
      ['the revocation list ended meanwhile', 'list ended', /revocation list of authority `own` ended/],
      ['it comes from another port', 'moved', /not the device on this port/],
    ] as const)('are refused when %s', async (_, event, reason) => {
      // The same ticket keys all along: it is not the loss of the ticket that makes the difference.
      const ticketKeys = randomBytes(48);
      const peers = await serving(await material({ ticketKeys }));
      const { session } = await attempt(peers, { device, caller: pump, version });
      if (event === 'revoked') peers.configure(await material({ ticketKeys }, [device.serial]));
      if (event === 'ended') now += 25 * hour;
      if (event === 'list ended') {
        const short = await authority.revocationList([], Date.now() + hour);
        const authorities = [
          { name: 'own', certificates: authority.certificate, revocationLists: short, ocsp: null, devices },
        ];
        peers.configure(await material({ ticketKeys, authorities }));
        now += 2 * hour;
      }
      const caller = event === 'moved' ? parseMac('00:1a:2b:3c:4d:60')! : pump;
      const { outcome } = await attempt(peers, { device, caller, version, session });
      expect(reasonOf(outcome)).toMatch(reason);
    });

    it('show their certificate again once other ticket keys are in use', async () => {
      const peers = await serving();
      const { session } = await attempt(peers, { device, caller: pump, version });
      peers.configure(await material());
      const { outcome } = await attempt(peers, { device, caller: pump, version, session });
      if (outcome.kind !== 'success') throw new Error(reasonOf(outcome));
      expect(outcome.session.resumed).toBe(false);
    });
  });

  it.each(versions)('are refused in full handshakes with TLS %s, with the reason', async (version) => {
    const attemptWith = async (own: Issued, peers: TlsPeers): Promise<string> =>
      reasonOf((await attempt(peers, { device: own, caller: pump, version })).outcome);
    const peers = await serving();
    const stranger = await MemoryAuthority.create('authority');
    expect(await attemptWith(await stranger.issue('CN=pump', 'clientAuth', names), peers)).toMatch(/not accepted/);
    expect(await attemptWith(await authority.issue('CN=pump', 'serverAuth', names), peers)).toMatch(/not accepted/);
    const ended = await authority.issue('CN=pump', 'clientAuth', names, { until: Date.now() - hour });
    expect(await attemptWith(ended, peers)).toMatch(/not accepted/);
    const nameless = await authority.issue('CN=pump', 'clientAuth', []);
    expect(await attemptWith(nameless, peers)).toMatch(/no name in the certificate/);
    const revoking = await serving(await material({}, [device.serial]));
    expect(await attemptWith(device, revoking)).toMatch(/not accepted: CERT_REVOKED/);
    const unnamed = await attempt(peers, { device, caller: null, version });
    expect(reasonOf(unnamed.outcome)).toMatch(/does not say which device asks/);
  });

  describe.each(versions)('by serial number, with TLS %s', (version) => {
    const bySerial = async (): Promise<TlsPeers> => {
      const served = await material();
      const rules = [{ from: 'serial-number' as const, pattern: 'SN-{serial}' }, ...devices];
      return serving({ ...served, authorities: served.authorities.map((one) => ({ ...one, devices: rules })) });
    };
    const other = parseMac('00:1a:2b:3c:4d:60')!;

    it('are of each device whose record has it, resumed ones by the record of then', async () => {
      const peers = await bySerial();
      const own = await authority.issue('2.5.4.5=SN-Ab-17, CN=pump', 'clientAuth', []);
      recorded = 'aB-17';
      const first = await attempt(peers, { device: own, caller: pump, version });
      expect(first.outcome).toMatchObject({ kind: 'success', session: { mac: pump, resumed: false } });
      const again = (caller = pump) => attempt(peers, { device: own, caller, version, session: first.session });
      expect((await again()).outcome).toMatchObject({ kind: 'success', session: { mac: pump, resumed: true } });
      recorded = 'AB-18';
      expect(reasonOf((await again()).outcome)).toBe(
        'the certificate is that of serial number `Ab-17`, and the inventory has `AB-18` for 00:1a:2b:3c:4d:5e, the device on this port',
      );
      recorded = 'AB-17';
      expect((await again()).outcome).toMatchObject({ kind: 'success', session: { resumed: true } });
      expect(reasonOf((await again(other)).outcome)).toMatch(/the inventory has no record of 00:1a:2b:3c:4d:60/);
    });

    it.each([
      ['another one', 'AB-18', /has `AB-18` for 00:1a/],
      ['none', '', /has no serial number for 00:1a/],
      ['no record', null, /has no record of 00:1a/],
    ])('are refused when the inventory has %s', async (_, inventory, reason) => {
      recorded = inventory;
      const own = await authority.issue('2.5.4.5=SN-AB-17, CN=pump', 'clientAuth', []);
      const { outcome } = await attempt(await bySerial(), { device: own, caller: pump, version });
      expect(reasonOf(outcome)).toMatch(reason);
    });

    it('are of a device by both, where the certificate names both', async () => {
      const peers = await bySerial();
      const own = await authority.issue('2.5.4.5=SN-AB-17, CN=pump', 'clientAuth', names);
      const outcome = async () => (await attempt(peers, { device: own, caller: pump, version })).outcome;
      recorded = 'AB-17';
      expect(await outcome()).toMatchObject({ kind: 'success' });
      recorded = '';
      expect(reasonOf(await outcome())).toMatch(/no serial number/);
    });
  });

  it('go when they are closed, and with what TLS can not go on after', async () => {
    const peers = await serving();
    void peers.receive(-1, beginning, Buffer.from([22, 3, 1, 0, 200, 1]));
    expect(peers.size).toBe(1);
    peers.close(-1);
    expect(peers.size).toBe(0);
    expect(await peers.receive(-1, null, Buffer.from([22]))).toEqual(lost);
    expect(await peers.receive(-2, beginning, Buffer.from('no TLS'))).toMatchObject({ kind: 'failed' });
    expect(peers.size).toBe(0);
  });

  it('are not begun before there is anything to serve them with', async () => {
    const peers = newPeers();
    expect(await peers.receive(1, beginning, Buffer.alloc(0))).toEqual(lost);
  });
});
