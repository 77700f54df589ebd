import { AddressMap, serviceKey, type Address } from '#net';
import {
  CasbinOracle,
  FlowDecider,
  PolicyCompiler,
  PolicyLoader,
  analysePolicy,
  type Policy,
  type ResolvedSide,
  type Snapshot,
} from '#policy';
import { median } from '../statistics.ts';
import type { BenchCase } from '../bench-case.ts';
import { addressKey, membershipsOf, packetsOf, type Memberships, type WirePacket } from './decisions.ts';
import { generatePolicy } from './generated-policy.ts';
import { devicesOf } from './inventory.ts';
import { compiled, loaded, unwrap } from './loaded.ts';
import { Numbers } from './numbers.ts';
import { parametersOf, type Shape } from './parameters.ts';
import { instant } from './tools.ts';

/*
 * Cases that measure a function which is passed in: another way to do the same is measured by passing it instead. Each
 * checks what it measured against the plain way.
 */

/** Starts with a policy; then each call has the files after one more edit, and answers with their snapshot. */
export type Editor = (files: ReadonlyMap<string, string>) => (edited: ReadonlyMap<string, string>) => Snapshot;

/** What the controller does: a loader and a compiler that stay, and make anew what an edit touches. */
export const incrementally: Editor = (files) => {
  const loader = new PolicyLoader();
  const compiler = new PolicyCompiler();
  const next = (version: ReadonlyMap<string, string>): Snapshot =>
    unwrap(compiler.compile(unwrap(loader.load(version)), new Date(instant)));
  next(files);
  return next;
};

const edits = 10;

/** One flow rule more or less, again and again: how long until there is a new snapshot. */
export function editCase(shape: Shape, rules: number, edit: Editor): BenchCase {
  return {
    name: `edit one rule: ${shape}, ${rules} rules`,
    target: { figure: 'median ms', limit: 100, want: 'at most' },
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

/** As an enforcement loop decides: it keeps the side of each member, and resolves the other addresses that it meets. */
export const decideByTables: Decider = (snapshot, memberships) => {
  const decider = new FlowDecider(snapshot);
  const members = new AddressMap<ResolvedSide>();
  for (const member of memberships.values()) members.set(member.address, decider.resolve(member));
  const side = (address: Address): ResolvedSide => members.get(address) ?? decider.resolve({ address });
  return ({ source, destination, protocol, port }) =>
    decider.decideBetween(side(source), side(destination), serviceKey(protocol, port)).verdict === 'allow';
};

const deviceCount = 100_000;
const packetCount = 100_000;
/** Compared with `enforce()` of node-casbin. */
const checkedPackets = 3000;
const decideMilliseconds = 1500;

export function decisionCase(shape: Shape, rules: number, decider: Decider, checked = checkedPackets): BenchCase {
  return {
    name: `decisions: ${shape}, ${rules} rules, ${deviceCount} devices`,
    target: { figure: 'decisions/s', limit: 1_000_000, want: 'at least' },
    run: async ({ progress, rounds }) => {
      progress('getting ready');
      const policy = loaded(generatePolicy(parametersOf(shape, rules)));
      const snapshot = compiled(policy);
      const devices = [...devicesOf(snapshot, deviceCount, 1)];
      const packets = packetsOf(snapshot, devices, packetCount, 2);
      const memberships = membershipsOf(devices);
      const begun = performance.now();
      const decide = decider(snapshot, memberships);
      const ready = performance.now() - begun;
      progress(`asking Casbin about ${checked} packets`);
      const oracle = await CasbinOracle.create(policy, new Date(instant));
      const side = (address: WirePacket['source']) => {
        const name = memberships.get(addressKey(address))?.class;
        return name === undefined ? { address } : { class: name, address };
      };
      let allowed = 0;
      for (const packet of packets.slice(0, checked)) {
        const { source, destination, protocol, port } = packet;
        const expected = await oracle.packet(side(source), side(destination), protocol, port);
        if (decide(packet) !== expected)
          throw new Error(`Casbin decides otherwise: ${JSON.stringify(packet, bigints)}`);
        if (expected) allowed++;
      }
      if (allowed === 0 || allowed === checked) throw new Error('all packets have the same verdict');
      const rates = Array.from({ length: rounds }, (_, i) => {
        progress(`round ${i + 1} of ${rounds}`);
        return rateOf(decide, packets);
      });
      const figures = { 'decisions/s': Math.round(median(rates)), 'ready ms': round(ready) };
      return {
        rows: { Cordon: { ...figures, 'allowed of the checked': `${allowed} of ${checked}` } },
        figures,
        notes: [],
      };
    },
  };
}

const bigints = (_: string, value: unknown): unknown => (typeof value === 'bigint' ? `${value}` : value);

function rateOf(decide: (packet: WirePacket) => boolean, packets: readonly WirePacket[]): number {
  const begun = performance.now();
  let decided = 0;
  while (performance.now() - begun < decideMilliseconds) {
    for (let i = 0; i < 64; i++) decide(packets[decided++ % packets.length]!);
  }
  return (decided / (performance.now() - begun)) * 1000;
}

/** Shadowed by unions, redundant, contradictory rules and the like. */
export function analysisCase(shape: Shape, rules: number): BenchCase {
  return {
    name: `analysis: ${shape}, ${rules} rules`,
    target: { figure: 'median ms', limit: rules / 4, want: 'at most' },
    run: ({ progress, rounds }) => {
      progress('getting ready');
      const policy: Policy = loaded(generatePolicy(parametersOf(shape, rules)));
      let findings = 0;
      const times = Array.from({ length: rounds }, (_, i) => {
        progress(`round ${i + 1} of ${rounds}`);
        const begun = performance.now();
        findings = analysePolicy(policy, new Date(instant)).length;
        return performance.now() - begun;
      });
      const figures = { 'median ms': round(median(times)), findings };
      return { rows: { Cordon: figures }, figures, notes: [] };
    },
  };
}

const round = (value: number): number => Math.round(value * 10) / 10;
