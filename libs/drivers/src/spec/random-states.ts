import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Driver } from '../driver.js';
import { judgeByInvariant, type Packet, type PacketVerdict } from '../invariant.js';
import { membership, packet, state } from '../random-states.js';

/** What holds of a driver of flows whatever it is asked for. `judgeOf`: what its artefact does with a packet. */
export function describeRandomStates(
  driver: Driver,
  judgeOf: (artefact: string) => (packet: Packet) => PacketVerdict,
): void {
  it('judges any packet by any state as the invariant says', () => {
    fc.assert(
      fc.property(state, fc.array(packet, { minLength: 30, maxLength: 30 }), (state, packets) => {
        const judge = judgeOf(driver.render(state));
        for (const packet of packets)
          expect({ packet, verdict: judge(packet) }).toEqual({ packet, verdict: judgeByInvariant(state, packet) });
      }),
      { numRuns: 400 },
    );
  });

  it('expects of any state what its artefact says, whatever was asked for the same rules before', () => {
    fc.assert(
      fc.property(state, membership, (state, members) => {
        for (const each of [state, { ...state, membership: members }])
          expect(driver.expect(each)).toEqual(driver.parse(driver.render(each)));
      }),
      { numRuns: 100 },
    );
  });

  it('brings a simulated device from any state to any other, and finds nothing left to do', async () => {
    const session = driver.connect({ kind: 'simulated', name: 'random walk' });
    await fc.assert(
      fc.asyncProperty(state, membership, async (state, members) => {
        for (const desired of [state, { ...state, membership: members }]) {
          const text = await session.read();
          await session.apply(driver.plan(desired, text === null ? null : driver.parse(text)));
          expect(driver.plan(desired, driver.parse((await session.read()) ?? '')).kind).toBe('none');
        }
      }),
      { numRuns: 150 },
    );
  });
}
