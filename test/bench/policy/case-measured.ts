import { decideFlow, type Policy, type Snapshot } from '#policy';
import { median } from '../statistics.ts';
import type { BenchCase } from './bench-case.ts';
import { addressKey, membershipsOf, packetsOf, type Memberships, type WirePacket } from './decisions.ts';
import { generatePolicy } from './generated-policy.ts';
import { devicesOf } from './inventory.ts';
import { compiled, loaded } from './loaded.ts';
import { Numbers } from './numbers.ts';
import { parametersOf, type Shape } from './parameters.ts';

/*
 * Cases that measure a function which is passed in: another way to do the same is measured by passing it instead. Each
 * checks what it measured against the plain way.
 */

/** Starts with a policy; then each call has the files after one more edit, and answers with their snapshot. */
export type Editor = (files: ReadonlyMap<string, string>) => (edited: ReadonlyMap<string, string>) => Snapshot;

/** Everything anew at each edit. */
export const recompile: Editor = () => (edited) => compiled(loaded(edited));

const edits = 10;

/** One flow rule more or less, again and again: how long until there is a new snapshot. */
export function editCase(shape: Shape, rules: number, edit: Editor): BenchCase {
  return {
    name: `edit one rule: ${shape}, ${rules} rules`,
    target: { figure: 'median ms', limit: rules / 40, want: 'at most' },
    run: ({ progress }) => {
      const files = generatePolicy(parametersOf(shape, rules));
      const versions = editedVersions(files, edits, 1);
      const next = edit(files);
      let last: Snapshot | undefined;
      const times = versions.map((version, i) => {
        progress(`edit ${i + 1} of ${edits}`);
        const begun = performance.now();
        last = next(version);
        return performance.now() - begun;
      });
      if (last?.digest !== compiled(loaded(versions.at(-1)!)).digest) throw new Error('an edit gave another snapshot');
      // Sorted away from the first: it may still warm up.
      const figures = {
        'median ms': round(median(times)),
        'first ms': round(times[0]!),
        'slowest ms': round(Math.max(...times)),
      };
      return { rows: { Cordon: figures }, figures, notes: [] };
    },
  };
}

/** Each version takes out or turns round one line of rules/flows.csv of the version before. */
export function editedVersions(files: ReadonlyMap<string, string>, count: number, seed: number): Map<string, string>[] {
  const numbers = new Numbers(seed);
  const path = 'rules/flows.csv';
  let lines = files.get(path)!.split('\n');
  return Array.from({ length: count }, (_, i) => {
    const at = numbers.below(lines.length);
    lines =
      i % 2 === 0
        ? lines.toSpliced(at, 1)
        : lines.with(at, lines[at]!.includes(' allow,') ? lines[at]!.replace(' allow,', ' deny,') : `# ${lines[at]!}`);
    return new Map([...files, [path, lines.join('\n')]]);
  });
}

/** Gets ready for a snapshot and the devices of now; then says of each packet whether it passes. */
export type Decider = (snapshot: Snapshot, memberships: Memberships) => (packet: WirePacket) => boolean;

/** The plain way: classes by address, then every rule of the source. */
export const decideByScan: Decider = (snapshot, memberships) => {
  const side = (address: WirePacket['source']) => ({
    class: memberships.get(addressKey(address))?.class ?? null,
    address,
  });
  return ({ source, destination, protocol, port }) =>
    decideFlow(snapshot, { source: side(source), destination: side(destination), protocol, port }).verdict === 'allow';
};

const deviceCount = 20_000;
const packetCount = 20_000;
const checkedPackets = 1000;
const decideMilliseconds = 1500;

export function decisionCase(shape: Shape, rules: number, decider: Decider): BenchCase {
  return {
    name: `decisions: ${shape}, ${rules} rules, ${deviceCount} devices`,
    target: { figure: 'decisions/s', limit: 1_000_000, want: 'at least' },
    run: ({ progress, rounds }) => {
      progress('getting ready');
      const snapshot = compiled(loaded(generatePolicy(parametersOf(shape, rules))));
      const devices = [...devicesOf(snapshot, deviceCount, 1)];
      const packets = packetsOf(snapshot, devices, packetCount, 2);
      const memberships = membershipsOf(devices);
      const begun = performance.now();
      const decide = decider(snapshot, memberships);
      const ready = performance.now() - begun;
      const plain = decideByScan(snapshot, memberships);
      const allowed = packets.slice(0, checkedPackets).filter((packet) => {
        const verdict = plain(packet);
        if (decide(packet) !== verdict)
          throw new Error(
            `a wrong decision: ${JSON.stringify(packet, (_, value: unknown) => (typeof value === 'bigint' ? `${value}` : value))}`,
          );
        return verdict;
      }).length;
      if (allowed === 0 || allowed === checkedPackets) throw new Error('all packets have the same verdict');
      const rates = Array.from({ length: rounds }, (_, i) => {
        progress(`round ${i + 1} of ${rounds}`);
        return rateOf(decide, packets);
      });
      const figures = { 'decisions/s': Math.round(median(rates)), 'ready ms': round(ready) };
      return {
        rows: { Cordon: { ...figures, 'allowed of the checked': `${allowed} of ${checkedPackets}` } },
        figures,
        notes: [],
      };
    },
  };
}

function rateOf(decide: (packet: WirePacket) => boolean, packets: readonly WirePacket[]): number {
  const begun = performance.now();
  let decided = 0;
  while (performance.now() - begun < decideMilliseconds) {
    for (let i = 0; i < 64; i++) decide(packets[decided++ % packets.length]!);
  }
  return (decided / (performance.now() - begun)) * 1000;
}

/** Looks over a policy; what it finds is counted. */
export type Analyser = (policy: Policy, snapshot: Snapshot) => { readonly length: number };

export function analysisCase(what: string, shape: Shape, rules: number, analyse: Analyser): BenchCase {
  return {
    name: `${what}: ${shape}, ${rules} rules`,
    target: { figure: 'median ms', limit: rules / 4, want: 'at most' },
    run: ({ progress, rounds }) => {
      progress('getting ready');
      const policy = loaded(generatePolicy(parametersOf(shape, rules)));
      const snapshot = compiled(policy);
      let findings = 0;
      const times = Array.from({ length: rounds }, (_, i) => {
        progress(`round ${i + 1} of ${rounds}`);
        const begun = performance.now();
        findings = analyse(policy, snapshot).length;
        return performance.now() - begun;
      });
      const figures = { 'median ms': round(median(times)), findings };
      return { rows: { Cordon: figures }, figures, notes: [] };
    },
  };
}

const round = (value: number): number => Math.round(value * 10) / 10;
