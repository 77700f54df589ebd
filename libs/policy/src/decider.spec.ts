import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { serviceAlgebra, serviceKey } from '#net';
import { compilePolicy } from './compile/compile.js';
import { decideBy, indexOf, principalsOf, type FlowPacket, type FlowVerdict } from './decide.js';
import { decideFlow } from './decider.js';
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
  });
});
