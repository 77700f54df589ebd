import { decodeSnapshot, encodeSnapshot, accessFor } from '#policy';
import { describe, expect, it } from 'vitest';
import { sampleFiles, sampleSnapshot } from '../test/sample-policy.js';
import { renderGrant } from './authentication/authorization.js';
import { SnapshotStore } from './snapshot-store.js';

const json = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

function store(render = renderGrant): { snapshots: SnapshotStore; lines: string[] } {
  const lines: string[] = [];
  const secretOf = (reference: string) =>
    reference.includes('MISSING') ? { problem: 'not set' } : { secret: 'sesame' };
  const source = {
    decode: decodeSnapshot,
    secretOf,
    accessFor,
    renderGrant: render,
    onTaken: () => undefined,
    onStaged: () => undefined,
  };
  return {
    snapshots: new SnapshotStore(source, (_, message, fields) => lines.push(JSON.stringify({ message, ...fields }))),
    lines,
  };
}

describe('snapshot store', () => {
  it('takes a good snapshot and names the client whose secret is missing, not the others', () => {
    const { snapshots, lines } = store();
    snapshots.take(json(encodeSnapshot(sampleSnapshot())));
    expect(snapshots.current?.clients.unusable).toEqual([{ nas: 'switch-mute', problem: 'not set' }]);
    expect(lines.join('\n')).toContain('switch-mute');
    expect(lines.join('\n')).not.toContain('sesame');
  });

  it('refuses a snapshot that was altered and keeps the good one', () => {
    const { snapshots } = store();
    const good = json(encodeSnapshot(sampleSnapshot())) as {
      digest: string;
      sections: { nas: { site: string }[] };
    };
    snapshots.take(good);
    const bad = structuredClone(good);
    bad.sections.nas[0]!.site = 'main-wifi';
    expect(() => snapshots.take(bad)).toThrow(/digest/);
    expect(() => snapshots.take({ format: 1 })).toThrow(/format/);
    expect(snapshots.current?.snapshot.digest).toBe(good.digest);
    expect(snapshots.current?.snapshot.nas[0]!.site).toBe('main');
  });

  it('refuses a snapshot whose blocks do not mean its port ACLs, keeps the good one, and says so', () => {
    let isFaulty = false;
    const { snapshots, lines } = store((...of) => {
      const block = renderGrant(...of);
      const at = block.indexOf(' 443');
      if (isFaulty && at >= 0) block.write(' 444', at);
      return block;
    });
    const good = sampleSnapshot();
    snapshots.take(json(encodeSnapshot(good)));
    expect(snapshots.refused).toBeNull();
    isFaulty = true;
    const before = snapshots.current;
    const another = sampleSnapshot({
      'catalog/schedules.yaml': 'night: { days: [mon], from: "22:00", to: "23:00", timezone: UTC }',
    });
    expect(() => snapshots.take(json(encodeSnapshot(another)))).toThrow(/would permit tcp\/444/);
    expect(snapshots.current).toBe(before);
    expect(snapshots.refused).toMatchObject({
      digest: another.digest,
      problem: expect.stringContaining('tcp/44') as string,
    });
    expect(lines.at(-1)).toContain('snapshot refused');
    isFaulty = false;
    snapshots.take(json(encodeSnapshot(good)));
    expect(snapshots.refused).toBeNull();
  });

  describe('with a policy that is being rolled out', () => {
    const sites = { 'catalog/sites.yaml': `${sampleFiles['catalog/sites.yaml']!}\nbranch: {}` };
    const nas = sampleFiles['network/nas.yaml']!;
    const moved = { ...sites, 'network/nas.yaml': nas.replaceAll('sessionTimeout: 3600', 'sessionTimeout: 7200') };
    const branch =
      'switch-new: { address: 127.0.0.9, site: branch, profile: rfc, secret: "env:S", sessionTimeout: 3600 }';
    const before = sampleSnapshot(sites);
    const after = sampleSnapshot({ ...moved, 'network/nas.yaml': `${moved['network/nas.yaml']}\n${branch}` });
    const staged = (version: string, at: { sites?: string[]; devices?: string[] }, snapshot = after) => ({
      version,
      snapshot: json(encodeSnapshot(snapshot)),
      sites: at.sites ?? [],
      devices: at.devices ?? [],
    });
    const mac = '00:1a:2b:3c:4d:01';

    it('decides by it where it has got to, and knows the switches of covered sites as it says', () => {
      const { snapshots } = store();
      snapshots.take(json(encodeSnapshot(before)));
      const policyAt = (device = mac) => {
        const { authorizer, clients } = snapshots.current!;
        const client = clients.find('127.0.0.1');
        if (client === null || typeof client === 'string') throw new Error('no client');
        const place = { nas: client.nas, ssid: null };
        return [authorizer.policyFor(place, device).snapshot.digest === after.digest, client.nas.sessionTimeout];
      };
      expect(policyAt()).toEqual([false, 3600]);
      snapshots.stage(staged('1', { devices: [mac] }));
      expect([policyAt(), policyAt('00:1a:2b:3c:4d:02')]).toEqual([
        [true, 3600],
        [false, 3600],
      ]);
      snapshots.stage(staged('2', { sites: ['branch'] }));
      expect([policyAt(), snapshots.current!.clients.find('127.0.0.9')]).toMatchObject([
        [false, 3600],
        { nas: { name: 'switch-new' } },
      ]);
      snapshots.stage(staged('3', { sites: ['main'] }));
      expect([policyAt(), snapshots.current!.clients.find('127.0.0.9')]).toEqual([[true, 7200], null]);
      expect([snapshots.rolloutVersion, snapshots.current!.snapshot.digest]).toEqual(['3', before.digest]);
      snapshots.take(json(encodeSnapshot(after)));
      snapshots.stage(null);
      expect([policyAt(), snapshots.current!.next, snapshots.rolloutVersion]).toEqual([[true, 7200], null, null]);
    });

    it('goes on as it was when it is none, or its blocks do not mean its port ACLs', () => {
      let isFaulty = false;
      const { snapshots } = store((...of) => {
        const block = renderGrant(...of);
        const at = block.indexOf(' 443');
        if (isFaulty && at >= 0) block.write(' 444', at);
        return block;
      });
      expect(() => snapshots.stage(staged('1', {}))).toThrow('before there is a policy in force');
      snapshots.take(json(encodeSnapshot(before)));
      const current = snapshots.current;
      isFaulty = true;
      expect(() => snapshots.stage(staged('1', { sites: ['main'] }))).toThrow(/would permit tcp\/444/);
      expect(() => snapshots.stage({ ...staged('1', {}), snapshot: { format: 1 } })).toThrow('not a snapshot');
      expect(() => snapshots.stage({ version: '' })).toThrow('Invalid input');
      expect([snapshots.current, snapshots.rolloutVersion]).toEqual([current, null]);
    });
  });

  it('renders every grant of the access table for every make of NAS', () => {
    const { snapshots } = store();
    expect(snapshots.take(json(encodeSnapshot(sampleSnapshot()))).authorizer.problems).toEqual([]);
  });
});
