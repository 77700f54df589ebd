import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { formatAddress, parseAddress, parseService, type Address } from '#net';
import { parseInventory, planPolicy, type PlannedSide } from '#plan';
import { compilePolicy, decideFlow, loadPolicy, type Snapshot } from '#policy';
import { learnFlows } from './learn-flows.js';
import { learnDefaults, type Learned, type LearnOptions } from './learned.js';
import { devicesOf, eachAddress, eachService, flowHeader, flowRow, inventoryText } from './spec/traffic.js';

/** A Monday noon at every site. */
const at = new Date('2026-11-23T11:00:00Z');
const day = 86_400_000;
const begin = at.getTime() - 14 * day;
const taken = ['infusion-pump', 'patient-monitoring', 'imaging'];

function sampleFiles(): Map<string, string> {
  const root = join(import.meta.dirname, '../../../../policies');
  const entries = readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = entries.map(({ parentPath, name }) => join(parentPath, name));
  return new Map(paths.map((path) => [relative(root, path), readFileSync(path, 'utf8')]));
}

function side(files: ReadonlyMap<string, string>): PlannedSide {
  const loaded = loadPolicy(files);
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.diagnostics));
  const compiled = compilePolicy(loaded.value, at);
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.diagnostics));
  return { policy: loaded.value, snapshot: compiled.value, diagnostics: [] };
}

const full = sampleFiles();
const original = side(full);
const tree = new Set(taken.flatMap((name) => original.policy.principalTree.members(name)));

/** The sample hospital where no line allows these classes anything of their own. */
function reducedFiles(): Map<string, string> {
  const files = new Map(full);
  for (const [path, text] of full) {
    if (!path.startsWith('rules/flows')) continue;
    const lines = text.split('\n').filter((line) => {
      const [type, subject, object, , effect] = line.split(',').map((field) => field.trim());
      return type !== 'p' || effect !== 'allow' || !(tree.has(subject!) || tree.has(object!));
    });
    files.set(path, lines.join('\n'));
  }
  return files;
}
const reduced = reducedFiles();
const before = side(reduced);

const devices = devicesOf(original.snapshot, [...tree], 3);
const ofRole = Map.groupBy(devices, ({ role }) => role);

/** Everything that the whole policy lets these classes do and the reduced one does not, twice of each device. */
function allowedTraffic(): string[] {
  const rows: string[] = [];
  let clock = begin;
  const see = (source: Address, destination: Address, service: number): void => {
    if (source.family !== destination.family) return;
    for (let i = 0; i < 2; i++)
      rows.push(flowRow(source, destination, service, begin + ((clock += 97_000) % (12 * day))));
  };
  for (const [role, own] of ofRole) {
    const { outbound, inbound } = original.snapshot.flows[role]!;
    for (const [direction, flows] of [
      ['out', outbound],
      ['in', inbound],
    ] as const) {
      for (const { addresses, services } of flows.allowed) {
        const far = eachAddress(addresses);
        for (const service of far ? eachService(services) : []) {
          for (const device of own) {
            for (const near of device.addresses)
              for (const other of far!)
                if (direction === 'out') see(near, other, service);
                else see(other, near, service);
          }
        }
      }
      if (direction === 'in') continue;
      for (const { peer, services } of flows.peersAllowed)
        for (const other of ofRole.get(peer) ?? [])
          for (const service of eachService(services))
            for (const device of own)
              if (device !== other)
                for (const [i, near] of device.addresses.entries()) see(near, other.addresses[i]!, service);
    }
  }
  return rows;
}

const pump = ofRole.get('infusion-pump')![0]!;
const scanner = ofRole.get('ct-scanner')![1]!;
const address = (text: string): Address => parseAddress(text)!;
const service = (text: string): number => parseService(text)!.first;

/** One pump goes through the servers at night, and a scanner does what nobody ever did. */
const planted = [
  ...Array.from({ length: 60 }, (_, i) =>
    flowRow(pump.addresses[0]!, address(`10.10.4.${100 + i}`), service('tcp/445'), begin + 13 * day + i * 200),
  ),
  flowRow(scanner.addresses[0]!, address('10.10.5.16'), service('tcp/587'), begin + 5 * day),
  flowRow(scanner.addresses[0]!, address('10.10.2.24'), service('tcp/443'), begin + 6 * day),
  ...Array.from({ length: 9 }, (_, i) =>
    flowRow(scanner.addresses[0]!, address('198.51.100.7'), service('tcp/443'), begin + i * day),
  ),
];

const text = [flowHeader, ...allowedTraffic(), ...planted].join('\n');

function learn(options: Partial<LearnOptions> = {}, flows = text): Learned {
  const inventory = parseInventory(inventoryText(devices), 'devices.csv');
  if (!inventory.ok) throw new Error(JSON.stringify(inventory.diagnostics));
  const learned = learnFlows({
    files: reduced,
    at,
    inventory: inventory.value,
    flows: { file: 'flows.csv', text: flows },
    options: { ...learnDefaults, ...options },
    checkPoint: () => [],
  });
  if (!learned.ok) throw new Error(JSON.stringify(learned.diagnostics));
  return learned.value;
}

/** What the policy with the learned lines opens or closes against the original, over all packets. */
function difference({ files }: Learned) {
  const after = side(new Map([...reduced, ...files]));
  const planned = planPolicy({ from: original, to: after, inventory: null, flows: null });
  if (!planned.ok) throw new Error(JSON.stringify(planned.diagnostics));
  return planned.value.flows;
}

const told = ({ lines }: Learned): string[] =>
  lines.map(({ subject, object, application }) => `${subject} ${object} ${application}`).sort();

const learned = learn({ when: 'until 2027-03-31' });

describe('learning the sample hospital again', () => {
  it('begins without a right of these classes', () => {
    const asks = (snapshot: Snapshot) =>
      decideFlow(snapshot, {
        source: { class: 'infusion-pump', address: pump.addresses[0]! },
        destination: { address: address('10.10.4.20') },
        protocol: 6,
        port: 443,
      }).verdict;
    expect([asks(original.snapshot), asks(before.snapshot)]).toEqual(['allow', 'deny']);
  });

  it('finds the lines that were removed, in their own words', () => {
    const kept = new Set(before.snapshot.flowRules.map(({ id }) => id));
    const removed = original.snapshot.flowRules.filter(
      ({ id, effect, active }) => !kept.has(id) && effect === 'allow' && active,
    );
    expect(removed.length).toBeGreaterThan(20);
    expect(told(learned)).toEqual(removed.map((rule) => `${rule.subject} ${rule.object} ${rule.application}`).sort());
    expect(learned).toMatchObject({ isFewest: true, endpoints: [], applications: [], findings: [] });
    expect(learned.lines.flatMap(({ broader }) => broader)).toEqual([]);
  });

  it('gives a policy that allows exactly the same packets', () => {
    expect(difference(learned)).toEqual([]);
    // The comparison sees what is missing.
    expect(difference({ ...learned, files: new Map() }).length).toBeGreaterThan(10);
  });

  it('makes the tests of the policy hold again that need no hours', () => {
    expect(learned.failingTests.before).toBeGreaterThan(learned.failingTests.after);
    expect(learned.leftOut.filter(({ kind }) => kind === 'test')).toEqual([]);
  });

  it('leaves out a line for ever where a test says that it must end, and nothing else', () => {
    const forEver = learn();
    const name = 'the CT vendor is out when the contract ends';
    const broken = forEver.leftOut.filter(({ kind }) => kind === 'test');
    expect(broken.map(({ source, destination, service: of }) => `${source} ${destination} ${of}`)).toEqual([
      'ct-scanner vendor-support-proxy-1 tcp/443',
      // It is a CT scanner, too.
      'pet-ct vendor-support-proxy-1 tcp/443',
    ]);
    for (const { reason } of broken) expect(reason).toContain(`it would break \`${name}\` (tests/invariants.yaml:`);
    expect(told(learned).filter((line) => !told(forEver).includes(line))).toEqual(['ct-scanner vendor-support https']);
    expect(difference(forEver).map(({ change, source }) => [change, source.text])).toEqual([['closed', 'ct-scanner']]);
  });

  it('names the scan, and takes nothing of it', () => {
    const scans = learned.leftOut.filter(({ kind }) => kind === 'scan');
    expect(scans).toMatchObject([
      {
        source: `infusion-pump ${formatAddress(pump.addresses[0]!)}`,
        destination: '60 addresses',
        service: 'smb (tcp/445)',
        evidence: { connections: 60 },
        reason: '60 targets within 60 seconds',
      },
    ]);
  });

  it('leaves out what was seen once, and the internet', () => {
    const rest = learned.leftOut.filter(({ kind }) => kind !== 'scan');
    expect(
      rest.map(({ kind, source, destination, service: of, evidence }) => [
        kind,
        source,
        destination,
        of,
        evidence.connections,
      ]),
    ).toEqual([
      ['denied', 'ct-scanner', 'internet', 'https (tcp/443)', 9],
      ['denied', 'ct-scanner', 'mail-1', 'smtp-submission (tcp/587)', 1],
      ['one-off', 'ct-scanner', 'ris-1', 'tcp/443', 1],
    ]);
  });

  it('proposes a class by itself where another one below its parent was not seen', () => {
    // Mammography stores nothing in these weeks.
    const silent = new Set(ofRole.get('mammography')!.flatMap(({ addresses }) => addresses.map(formatAddress)));
    const flows = text
      .split('\n')
      .filter((row) => !row.split(',').some((field) => silent.has(field)))
      .join('\n');
    const narrow = learn({ when: 'until 2027-03-31' }, flows);
    expect(told(narrow)).not.toContain('imaging pacs dicom-any');
    expect(told(narrow)).toContain('mr-scanner pacs dicom-any');
    const opened = difference(narrow).filter(({ change }) => change === 'opened');
    expect(opened).toEqual([]);
    const losers = difference(narrow).flatMap(({ source, destination }) => [source.text, destination.text]);
    expect(losers.filter((name) => name.includes('mammography')).length).toBeGreaterThan(0);
  });

  it('proposes about the classes that are asked for only', () => {
    const some = learn({ classes: ['infusion-pump'] });
    expect(told(some)).toEqual([
      'infusion-pump drug-library https',
      'infusion-pump pump-gateway https',
      'pump-gateway infusion-pump pump-comms',
    ]);
    expect(some.window.otherClasses).toBeGreaterThan(1000);
  });
});
