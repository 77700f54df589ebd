import { randomBytes } from 'node:crypto';
import { parseMac } from '#net';
import { beforeAll, describe, expect, it } from 'vitest';
import { MemoryAuthority, type Issued } from '../../test/certificates.js';
import { attempt } from '../../test/supplicant.js';
import { conversationMilliseconds, Conversations } from './conversations.js';
import type { EapMaterial } from './material.js';
import type { EapOutcome } from './messages.js';

const hour = 3_600_000;
const pump = parseMac('00:1a:2b:3c:4d:5e')!;
const names = [{ type: 'dns' as const, value: '00-1A-2B-3C-4D-5E.devices.test' }];
const devices = [{ from: 'dns-name' as const, pattern: '{mac}.devices.test' }];
const versions = ['1.2', '1.3'] as const;

const beginning = { caller: pump, fragmentSize: 300, ticketKeys: randomBytes(48), earlier: null };

const reasonOf = (outcome: EapOutcome): string => (outcome.kind === 'failure' ? outcome.reason : outcome.kind);

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

  const serving = async (served?: EapMaterial): Promise<Conversations> => {
    now = Date.now();
    const conversations = new Conversations(
      () => now,
      () => Promise.resolve(null),
    );
    conversations.configure(served ?? (await material()));
    return conversations;
  };

  it.each(versions)('come to the same keys on both sides, with TLS %s', async (version) => {
    const { outcome, keyMaterial } = await attempt(await serving(), { device, caller: pump, version });
    if (outcome.kind !== 'success') throw new Error(reasonOf(outcome));
    expect(outcome.session).toMatchObject({ mac: pump, version, resumed: false });
    expect(outcome.session.masterSessionKey).toEqual(keyMaterial!.subarray(0, 64));
  });

  it.each(versions)('are each with its own device when many go on at once, with TLS %s', async (version) => {
    const conversations = await serving();
    const macs = Array.from({ length: 20 }, (_, i) => parseMac(`00:1a:2b:3c:4d:${(16 + i).toString(16)}`)!);
    const found = await Promise.all(
      macs.map(async (mac) => {
        const own = await authority.issue('CN=pump', 'clientAuth', [
          { type: 'dns', value: `${mac.replaceAll(':', '-')}.devices.test` },
        ]);
        return (await attempt(conversations, { device: own, caller: mac, version })).outcome;
      }),
    );
    expect(found.map((outcome) => (outcome.kind === 'success' ? outcome.session.mac : reasonOf(outcome)))).toEqual(
      macs,
    );
    expect(conversations.size).toBe(0);
  });

  describe.each(versions)('resumed with TLS %s', (version) => {
    it('are without a full handshake, and have other keys', async () => {
      const conversations = await serving();
      const first = await attempt(conversations, { device, caller: pump, version });
      const second = await attempt(conversations, { device, caller: pump, version, session: first.session });
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
      const conversations = await serving(await material({ ticketKeys }));
      const { session } = await attempt(conversations, { device, caller: pump, version });
      if (event === 'revoked') conversations.configure(await material({ ticketKeys }, [device.serial]));
      if (event === 'ended') now += 25 * hour;
      if (event === 'list ended') {
        const short = await authority.revocationList([], Date.now() + hour);
        const authorities = [
          { name: 'own', certificates: authority.certificate, revocationLists: short, ocsp: null, devices },
        ];
        conversations.configure(await material({ ticketKeys, authorities }));
        now += 2 * hour;
      }
      const caller = event === 'moved' ? parseMac('00:1a:2b:3c:4d:60')! : pump;
      const { outcome } = await attempt(conversations, { device, caller, version, session });
      expect(reasonOf(outcome)).toMatch(reason);
    });

    it('show their certificate again once other ticket keys are in use', async () => {
      const conversations = await serving();
      const { session } = await attempt(conversations, { device, caller: pump, version });
      conversations.configure(await material());
      const { outcome } = await attempt(conversations, { device, caller: pump, version, session });
      if (outcome.kind !== 'success') throw new Error(reasonOf(outcome));
      expect(outcome.session.resumed).toBe(false);
    });
  });

  it.each(versions)('are refused in full handshakes with TLS %s, with the reason', async (version) => {
    const attemptWith = async (own: Issued, conversations: Conversations): Promise<string> =>
      reasonOf((await attempt(conversations, { device: own, caller: pump, version })).outcome);
    const conversations = await serving();
    const stranger = await MemoryAuthority.create('authority');
    expect(await attemptWith(await stranger.issue('CN=pump', 'clientAuth', names), conversations)).toMatch(
      /not accepted/,
    );
    expect(await attemptWith(await authority.issue('CN=pump', 'serverAuth', names), conversations)).toMatch(
      /not accepted/,
    );
    const ended = await authority.issue('CN=pump', 'clientAuth', names, { until: Date.now() - hour });
    expect(await attemptWith(ended, conversations)).toMatch(/not accepted/);
    const nameless = await authority.issue('CN=pump', 'clientAuth', []);
    expect(await attemptWith(nameless, conversations)).toMatch(/no name in the certificate/);
    const revoking = await serving(await material({}, [device.serial]));
    expect(await attemptWith(device, revoking)).toMatch(/not accepted: CERT_REVOKED/);
    const unnamed = await attempt(conversations, { device, caller: null, version });
    expect(reasonOf(unnamed.outcome)).toMatch(/does not say which device asks/);
  });

  it('are forgotten when the supplicant says nothing more', async () => {
    const conversations = await serving();
    const begin = Buffer.from([2, 1, 0, 6, 1, 97]);
    expect((await conversations.receive(-1, beginning, begin)).kind).toBe('request');
    now += conversationMilliseconds;
    expect(await conversations.receive(-1, null, begin)).toEqual({ kind: 'unknown' });
    expect(conversations.size).toBe(0);
  });

  it('are not begun before there is anything to serve them with', async () => {
    const conversations = new Conversations(
      () => now,
      () => Promise.resolve(null),
    );
    expect(await conversations.receive(1, beginning, Buffer.alloc(0))).toEqual({
      kind: 'unknown',
    });
  });
});
