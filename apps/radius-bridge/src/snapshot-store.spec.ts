import { decodeSnapshot, encodeSnapshot, accessFor } from '#policy';
import { describe, expect, it } from 'vitest';
import { sampleSnapshot } from '../test/sample-policy.js';
import { renderGrant } from './authentication/authorization.js';
import { SnapshotStore } from './snapshot-store.js';

const json = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

function store(render = renderGrant): { snapshots: SnapshotStore; lines: string[] } {
  const lines: string[] = [];
  const secretOf = (reference: string) =>
    reference.includes('MISSING') ? { problem: 'not set' } : { secret: 'sesame' };
  const source = { decode: decodeSnapshot, secretOf, accessFor, renderGrant: render, onTaken: () => undefined };
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
    expect(() => snapshots.take(json(encodeSnapshot(good)))).toThrow(/would permit tcp\/444/);
    expect(snapshots.current).toBe(before);
    expect(snapshots.refused).toMatchObject({
      digest: good.digest,
      problem: expect.stringContaining('tcp/44') as string,
    });
    expect(lines.at(-1)).toContain('snapshot refused');
    isFaulty = false;
    snapshots.take(json(encodeSnapshot(good)));
    expect(snapshots.refused).toBeNull();
  });

  it('renders every grant of the access table for every make of NAS', () => {
    const { snapshots } = store();
    expect(snapshots.take(json(encodeSnapshot(sampleSnapshot()))).authorizer.problems).toEqual([]);
  });
});
