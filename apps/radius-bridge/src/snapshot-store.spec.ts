import { decodeSnapshot, encodeSnapshot, accessFor } from '#policy';
import { describe, expect, it } from 'vitest';
import { sampleSnapshot } from '../test/sample-policy.js';
import { renderGrant } from './authentication/authorization.js';
import { SnapshotStore } from './snapshot-store.js';

const json = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

function store(): { snapshots: SnapshotStore; lines: string[] } {
  const lines: string[] = [];
  const secretOf = (reference: string) =>
    reference.includes('MISSING') ? { problem: 'not set' } : { secret: 'sesame' };
  const source = { decode: decodeSnapshot, secretOf, accessFor, renderGrant };
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

  it('renders every grant of the access table for every make of NAS', () => {
    const { snapshots } = store();
    expect(snapshots.take(json(encodeSnapshot(sampleSnapshot()))).authorizer.problems).toEqual([]);
  });
});
