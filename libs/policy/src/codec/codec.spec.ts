import type { AclEntry } from '#net';
import { policyFiles } from '#testkit';
import { beforeAll, describe, expect, it } from 'vitest';
import { decodeEntry, encodeEntry } from './acl.js';
import { decodeSnapshot } from './decode.js';
import { encodeSnapshot } from './encode.js';
import { sampleInstant, samplePolicy, sampleSnapshot } from '../spec/sample.js';
import type { Snapshot } from '../snapshot.js';
import { buildSnapshot } from '../verify/check.js';

type Json = Record<string, unknown>;
const overTheWire = (snapshot: Snapshot): Json => JSON.parse(JSON.stringify(encodeSnapshot(snapshot))) as Json;

/** Every place in a JSON value, as a path. */
function* pathsOf(value: unknown, path: readonly string[] = []): Generator<readonly string[]> {
  yield path;
  if (value === null || typeof value !== 'object') return;
  for (const [key, member] of Object.entries(value)) yield* pathsOf(member, [...path, key]);
}

function changed(json: Json, path: readonly string[], change: (value: unknown) => unknown): Json {
  const copy = structuredClone(json);
  let holder: Json = copy;
  for (const key of path.slice(0, -1)) holder = holder[key] as Json;
  const last = path.at(-1)!;
  holder[last] = change(holder[last]);
  return copy;
}

const other = (value: unknown): unknown =>
  typeof value === 'number'
    ? value + 1
    : typeof value === 'string'
      ? `${value}x`
      : typeof value === 'boolean'
        ? !value
        : value === null
          ? 0
          : null;

describe('a snapshot as JSON', () => {
  let snapshot: Snapshot;
  let json: Json;

  beforeAll(() => {
    const built = buildSnapshot(policyFiles(), sampleInstant, () => [], {
      commit: 'c0ffee',
      author: 'Ada',
      committedAt: '2026-11-23T10:00:00Z',
    });
    if (!built.ok) throw new Error(JSON.stringify(built.diagnostics));
    snapshot = built.value;
    json = overTheWire(snapshot);
  });

  it('is read back equal and frozen', () => {
    const decoded = decodeSnapshot(json);
    expect(decoded).toEqual(snapshot);
    expect(Object.isFrozen(decoded.flows)).toBe(true);
    expect(overTheWire(decoded)).toEqual(json);
  });

  it('is read back equal for the sample hospital', () => {
    const sample = sampleSnapshot(samplePolicy());
    expect(decodeSnapshot(overTheWire(sample))).toEqual(sample);
  });

  it('is refused with any value changed, taken out or put in', () => {
    const free = new Set(['provenance', 'compiledFor']);
    const paths = [...pathsOf(json)].filter(([top]) => top !== undefined && !free.has(top));
    expect(paths.length).toBeGreaterThan(500);
    for (const path of paths) {
      for (const change of [other, () => undefined]) {
        const altered = JSON.parse(JSON.stringify(changed(json, path, change))) as Json;
        // What is left out of a list is null there, as it may have been before.
        if (JSON.stringify(altered) === JSON.stringify(json)) continue;
        const read = (): string => decodeSnapshot(altered) && path.join('.');
        expect(read).toThrow(/digest|format|hash|lacks/);
      }
    }
    expect(() => decodeSnapshot({ ...json, extra: 1 })).toThrow(/format/);
  });

  it('has a digest that leaves out where it comes from and when it was compiled', () => {
    const elsewhere = decodeSnapshot({ ...json, provenance: { commit: null, author: null, committedAt: null } });
    expect(elsewhere.digest).toBe(snapshot.digest);
  });

  it.each([[null], [undefined], ['x'], [42], [[]], [{}], [{ format: 1 }], [{ format: 8 }], [{ format: '9' }]])(
    'is not %j',
    (value) => {
      expect(() => decodeSnapshot(value)).toThrow('not a snapshot of format 9');
    },
  );
});

describe('an ACL entry as JSON', () => {
  const entry: AclEntry = {
    action: 'permit',
    family: 4,
    protocol: 6,
    sourcePorts: { first: 80, last: 90 },
    destination: { family: 4, value: 0x0a00_0000n, length: 8 },
    destinationPorts: { first: 443, last: 450 },
    established: false,
  };
  it.each<Partial<AclEntry>>([
    { action: 'deny' },
    { family: 6, destination: null },
    { protocol: 17 },
    { protocol: null },
    { sourcePorts: null },
    { sourcePorts: { first: 80, last: 91 } },
    { sourcePorts: { first: 81, last: 90 } },
    { destination: null },
    { destination: { family: 4, value: 0x0a00_0000n, length: 16 } },
    { destinationPorts: null },
    { destinationPorts: { first: 443, last: 451 } },
    { established: true },
  ])('is read back equal with %o', (change) => {
    const changed = { ...entry, ...change };
    expect(decodeEntry(encodeEntry(changed))).toEqual(changed);
  });
});
