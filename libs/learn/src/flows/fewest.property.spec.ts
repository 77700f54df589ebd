import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { policyFiles } from '#testkit';
import { learn } from './spec/learning.js';
import { flowHeader } from './spec/traffic.js';

const files = policyFiles({
  'rules/more.csv':
    'g, big-pump, infusion-pump\ng, small-pump, infusion-pump\ng, s1, both\ng, s2, both\ng2, dicom, all\ng2, ssh, all\n',
  'catalog/classes-more.yaml': 'big-pump: {}\nsmall-pump: {}\n',
  'catalog/endpoints-more.yaml':
    's1: { addresses: [10.10.5.1] }\ns2: { addresses: [10.10.5.2] }\ns3: { addresses: [10.10.5.3] }\n',
  'catalog/applications-more.yaml': 'dicom: { ports: [tcp/104] }\nssh: { ports: [tcp/22] }\n',
});
const inventory = 'id,class,site,ip\nb,big-pump,main,10.21.0.1\ns,small-pump,main,10.21.0.2';

const sources: Readonly<Record<string, readonly string[]>> = {
  'big-pump': ['10.21.0.1'],
  'small-pump': ['10.21.0.2'],
  'infusion-pump': ['10.21.0.1', '10.21.0.2'],
};
const destinations: Readonly<Record<string, readonly string[]>> = {
  s1: ['10.10.5.1'],
  s2: ['10.10.5.2'],
  s3: ['10.10.5.3'],
  both: ['10.10.5.1', '10.10.5.2'],
};
const applications: Readonly<Record<string, readonly number[]>> = { dicom: [104], ssh: [22], all: [22, 104] };

const product = (a: readonly string[], b: readonly string[], c: readonly number[]): Set<string> =>
  new Set(a.flatMap((x) => b.flatMap((y) => c.map((z) => `${x} ${y} ${z}`))));
const everyLine = Object.values(sources).flatMap((a) =>
  Object.values(destinations).flatMap((b) => Object.values(applications).map((c) => product(a, b, c))),
);
const everything = [...product(sources['infusion-pump']!, ['10.10.5.1', '10.10.5.2', '10.10.5.3'], [22, 104])];

/** By trying every choice of so many lines. */
function canCover(left: ReadonlySet<string>, lines: readonly ReadonlySet<string>[], count: number): boolean {
  if (left.size === 0) return true;
  if (count === 0) return false;
  const [first] = left;
  return lines.some((line) => line.has(first!) && canCover(left.difference(line), lines, count - 1));
}

describe('learned lines', () => {
  it('are no more than any lines need that open nothing else', () => {
    fc.assert(
      fc.property(fc.subarray(everything, { minLength: 1 }), (seen) => {
        const rows = seen.flatMap((flow) => {
          const [source, destination, port] = flow.split(' ');
          const at = (day: number): string => `2026-11-0${day}T08:00:00Z`;
          return [1, 2, 3].map((day) => `${at(day)},${at(day)},${source},${destination},tcp,${port},5,500`);
        });
        const { lines, isFewest, leftOut } = learn(files, inventory, [flowHeader, ...rows]);
        const opened = lines.flatMap(({ subject, object, application }) => [
          ...product(sources[subject]!, destinations[object]!, applications[application]!),
        ]);
        expect(new Set(opened)).toEqual(new Set(seen));
        expect([isFewest, leftOut]).toEqual([true, []]);
        const within = everyLine.filter((line) => line.isSubsetOf(new Set(seen)));
        expect(canCover(new Set(seen), within, lines.length)).toBe(true);
        expect(canCover(new Set(seen), within, lines.length - 1)).toBe(false);
      }),
      { numRuns: 60 },
    );
  });
});
