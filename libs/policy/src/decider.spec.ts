import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { serviceAlgebra, serviceKey } from '#net';
import { compilePolicy } from './compile/compile.js';
import { decideBy, indexOf, principalsOf, type FlowPacket, type FlowVerdict } from './decide.js';
import { decideFlow, FlowDecider } from './decider.js';
import { loadPolicy } from './load/load.js';
import type { Snapshot } from './snapshot.js';
import { at, packets, policyFiles } from './spec/generated.js';
import { sampleInstant, samplePolicy, sampleSnapshot } from './spec/sample.js';

function build(files: ReadonlyMap<string, string>): Snapshot {
  const policy = loadPolicy(files);
  const compiled = policy.ok && compilePolicy(policy.value, sampleInstant);
  if (!compiled || !compiled.ok) throw new Error('a generated policy is refused');
  return compiled.value;
}

/** The verdict by asking every rule of every principal that the sides are. */
function bySearch(snapshot: Snapshot, { source, destination, protocol, port }: FlowPacket): FlowVerdict {
  const key = serviceKey(protocol, port);
  const [subjects, objects] = [principalsOf(snapshot, source), principalsOf(snapshot, destination)];
  return decideBy(indexOf(snapshot), subjects, objects, (services) => serviceAlgebra.contains(services, key));
}

const sorted = ({ rules, ...verdict }: FlowVerdict) => ({ ...verdict, rules: rules.map(({ id }) => id).sort() });

describe('a decision from tables', () => {
  it('is that of asking every rule, with the same lines, for any two sides', () => {
    fc.assert(
      fc.property(
        policyFiles,
        fc.array(fc.tuple(packets, packets), { minLength: 30, maxLength: 30 }),
        (files, list) => {
          const snapshot = build(files);
          for (const [one, two] of list) {
            // A device has a class and an address at once; endpoints may hold it.
            const both: FlowPacket = {
              ...one,
              source: { ...two.source, ...one.source },
              destination: { ...two.destination, ...one.destination },
            };
            for (const packet of [one, both])
              expect(sorted(decideFlow(snapshot, packet))).toEqual(sorted(bySearch(snapshot, packet)));
          }
        },
      ),
      { numRuns: 150 },
    );
  });

  it('is the same for sides that were resolved once, whomever they meet', () => {
    fc.assert(
      fc.property(policyFiles, fc.array(packets, { minLength: 6, maxLength: 6 }), (files, list) => {
        const snapshot = build(files);
        const decider = new FlowDecider(snapshot);
        const sides = list.flatMap(({ source, destination }) => [source, destination, { ...source, ...destination }]);
        const resolved = sides.map((side) => decider.resolve(side));
        for (const [i, source] of sides.entries()) {
          for (const [j, destination] of sides.entries()) {
            const { protocol, port } = list[(i + j) % list.length]!;
            const verdict = decider.decideBetween(resolved[i]!, resolved[j]!, serviceKey(protocol, port));
            expect(sorted(verdict)).toEqual(sorted(bySearch(snapshot, { source, destination, protocol, port })));
          }
        }
      }),
      { numRuns: 50 },
    );
  });

  it('is asked with one number for devices that policy can not tell apart', () => {
    const decider = new FlowDecider(sampleSnapshot(samplePolicy()));
    const scanner = (text: string) => decider.resolve({ class: 'ct-scanner', address: at(text) });
    expect(scanner('8.8.8.8')).toBe(scanner('9.9.9.9'));
    expect(decider.resolve({ class: 'infusion-pump', address: at('8.8.8.8') })).not.toBe(scanner('8.8.8.8'));
    expect(decider.resolve({ address: at('8.8.8.8') })).not.toBe(scanner('8.8.8.8'));
  });

  it('names every deny of a packet, those on its class and those on its address', () => {
    const snapshot = sampleSnapshot(samplePolicy());
    const packet: FlowPacket = {
      source: { class: 'ct-scanner' },
      destination: { address: at('8.8.8.8') },
      protocol: 6,
      port: 443,
    };
    expect(sorted(decideFlow(snapshot, packet))).toEqual(sorted(bySearch(snapshot, packet)));
    expect(decideFlow(snapshot, packet)).toMatchObject({ verdict: 'deny', reason: 'denied by rule' });
  });

  it('is the default deny for a class and an address that nobody knows', () => {
    const snapshot = sampleSnapshot(samplePolicy());
    const packet: FlowPacket = { source: { class: 'nobody' }, destination: { class: 'no-one' }, protocol: 6, port: 1 };
    expect(decideFlow(snapshot, packet)).toEqual({ verdict: 'deny', reason: 'no rule allows it', rules: [] });
    expect(decideFlow(snapshot, { ...packet, source: {}, destination: {} }).rules).toEqual([]);
  });
});
