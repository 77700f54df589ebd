import { EnforceContext, newEnforcer, type Enforcer } from 'casbin';
import fc from 'fast-check';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { postures } from '#model';
import { parseAddress, parseRange, serviceAlgebra, serviceKey, type Address } from '#net';
import { describe, expect, it } from 'vitest';
import { compilePolicy } from '../compile/compile.js';
import { accessFor, indexOf, type PacketSide } from '../decide.js';
import { decideFlow } from '../decider.js';
import { loadPolicy } from '../load/load.js';
import type { Snapshot } from '../snapshot.js';
import { packets, policyFiles } from '../spec/generated.js';
import { readServices } from '../spec/read-services.js';
import { sampleInstant, samplePolicy, sampleSnapshot } from '../spec/sample.js';
import { addressNames, exportCasbin, serviceNames } from './export.js';

/** Casbin as anybody installs it, from nothing but the two files on disk. */
async function stockEnforcer(snapshot: Snapshot): Promise<Enforcer> {
  const folder = mkdtempSync(join(tmpdir(), 'cordon-casbin-'));
  try {
    const { model, policy } = exportCasbin(snapshot);
    const paths = [join(folder, 'model.conf'), join(folder, 'policy.csv')] as const;
    writeFileSync(paths[0], model);
    writeFileSync(paths[1], policy);
    return await newEnforcer(...paths);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function mayAccess(
  enforcer: Enforcer,
  ...words: [device: string, site: string, posture: string, segment: string]
): boolean {
  return enforcer.enforceSync(new EnforceContext('r2', 'p2', 'e2', 'm2'), ...words);
}

/** The decision on names: a rule matches what belongs to its words; deny overrides. */
class NameDecision {
  private readonly groups: ReadonlyMap<string, ReadonlySet<string>>;
  private readonly applications: ReadonlyMap<string, ReadonlySet<string>>;

  constructor(private readonly snapshot: Snapshot) {
    const closure = (names: readonly { name: string; ancestors: readonly string[] }[]) =>
      new Map(names.map(({ name, ancestors }) => [name, new Set([name, ...ancestors])]));
    this.groups = closure([...snapshot.classes, ...snapshot.endpoints]);
    this.applications = closure(snapshot.applications);
  }

  isAllowed(from: string, to: string, app: string): boolean {
    const matching = this.snapshot.flowRules.filter(
      ({ active, subject, object, application }) =>
        active &&
        this.groups.get(from)!.has(subject) &&
        this.groups.get(to)!.has(object) &&
        this.applications.get(app)!.has(application),
    );
    return matching.length > 0 && matching.every(({ effect }) => effect === 'allow');
  }
}

/** What a packet is called in the export. */
function wireNames(snapshot: Snapshot): {
  side: (side: PacketSide) => string;
  service: (protocol: number, port: number) => string;
} {
  const ranges = addressNames(snapshot).map(({ name }) => ({ name, range: parseRange(name)! }));
  const services = serviceNames(snapshot).map(({ name }) => ({ name, set: readServices(name, new Map()) }));
  const address = ({ family, value }: Address): string => {
    const found = ranges.find(({ range }) => range.family === family && range.first <= value && value <= range.last);
    const own = ['internal', 'internet'].find((name) => {
      const set = snapshot.endpoints.find((endpoint) => endpoint.name === name)?.addresses[family === 4 ? 'v4' : 'v6'];
      return set?.some(({ first, last }) => first <= value && value <= last);
    });
    return found?.name ?? own ?? 'nowhere';
  };
  return {
    side: (side) => side.class ?? address(side.address!),
    service: (protocol, port) =>
      services.find(({ set }) => serviceAlgebra.contains(set, serviceKey(protocol, port)))?.name ?? 'any',
  };
}

describe('the sample hospital in stock Casbin', () => {
  const policy = samplePolicy();
  const snapshot = sampleSnapshot(policy);
  const names = new NameDecision(snapshot);
  const principals = [...policy.classes.keys(), ...policy.endpoints.keys()];
  const applications = [...policy.applications.keys()];

  /** Questions around a rule, so that many answers are an allow or a deny and not just the default. */
  const around = fc.constantFrom(...snapshot.flowRules).chain(({ subject, object, application }) => {
    const near = (members: readonly string[], all: readonly string[]) =>
      fc.oneof(
        { weight: 4, arbitrary: fc.constantFrom(...members) },
        { weight: 1, arbitrary: fc.constantFrom(...all) },
      );
    return fc.tuple(
      near(policy.principalTree.members(subject), principals),
      near(policy.principalTree.members(object), principals),
      near(policy.applicationTree.members(application), applications),
    );
  });

  it('decides flows by name as the rules do', { timeout: 120_000 }, async () => {
    const enforcer = await stockEnforcer(snapshot);
    const seen = { allow: 0, deny: 0 };
    fc.assert(
      fc.property(around, ([from, to, app]) => {
        const isAllowed = names.isAllowed(from, to, app);
        seen[isAllowed ? 'allow' : 'deny']++;
        expect(enforcer.enforceSync(from, to, app)).toBe(isAllowed);
      }),
      { numRuns: 1500 },
    );
    for (const { subject, object, application } of snapshot.flowRules)
      expect(enforcer.enforceSync(subject, object, application)).toBe(names.isAllowed(subject, object, application));
    expect(Math.min(seen.allow, seen.deny)).toBeGreaterThan(100);
  });

  it('decides a packet, by the names of its address and port, as the snapshot does', { timeout: 120_000 }, async () => {
    const enforcer = await stockEnforcer(snapshot);
    const classes = [...policy.classes.keys()];
    const addresses = addressNames(snapshot).map(({ name }) => name);
    const services = serviceNames(snapshot).map(({ name }) => name);
    const addressOf = (name: string): Address => {
      const { family, first } = parseRange(name)!;
      return { family, value: first };
    };
    fc.assert(
      fc.property(
        fc.constantFrom(...classes),
        fc.constantFrom(...addresses),
        fc.constantFrom(...services),
        fc.boolean(),
        (device, place, service, isInbound) => {
          const key = readServices(service, new Map())[0]!.first;
          const [near, far] = [{ class: device }, { address: addressOf(place) }];
          const [source, destination] = isInbound ? [far, near] : [near, far];
          const { verdict } = decideFlow(snapshot, { source, destination, protocol: key >>> 16, port: key & 0xffff });
          const words = isInbound ? [place, device] : [device, place];
          expect(enforcer.enforceSync(...words, service)).toBe(verdict === 'allow');
        },
      ),
      { numRuns: 1500 },
    );
  });

  it('knows that two applications with the same port are the same on the wire', async () => {
    const enforcer = await stockEnforcer(snapshot);
    expect(enforcer.enforceSync('infusion-pump', 'pki', 'est')).toBe(true);
    expect(enforcer.enforceSync('infusion-pump', '10.10.0.20', 'tcp/443')).toBe(true);
  });

  it('grants access as the table does, and nothing else', { timeout: 120_000 }, async () => {
    const enforcer = await stockEnforcer(snapshot);
    const cell = fc.record({
      device: fc.constantFrom(...policy.classes.keys()),
      site: fc.constantFrom(...policy.sites.keys()),
      posture: fc.constantFrom(...postures),
      other: fc.constantFrom(...policy.segments.keys()),
    });
    fc.assert(
      fc.property(cell, ({ device, site, posture, other }) => {
        const segment = accessFor(snapshot, device, site, posture)?.segment;
        expect(mayAccess(enforcer, device, site, posture, other)).toBe(other === segment);
        if (segment !== undefined) expect(mayAccess(enforcer, device, site, posture, segment)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it('leaves out the rules that are not in force, and names them', () => {
    const { policy: text, leftOut, model } = exportCasbin(snapshot);
    const rules = [...snapshot.flowRules, ...snapshot.accessRules];
    expect(leftOut.map(({ id }) => id)).toEqual(rules.filter(({ active }) => !active).map(({ id }) => id));
    expect(leftOut.length).toBeGreaterThan(5);
    for (const { id } of leftOut) expect(text).not.toContain(id);
    expect(`${text}${model}`).not.toMatch(/#|active/);
    // Built-in memberships are no lines of the policy repository.
    expect(text).toContain('\ng, networked-device, device\n');
    expect(text).toContain('\ng2, web, any\n');
  });
});

describe('generated policies in stock Casbin', () => {
  const snapshots = policyFiles
    .map((files) => {
      const policy = loadPolicy(files);
      const compiled = policy.ok ? compilePolicy(policy.value, sampleInstant) : policy;
      return compiled.ok ? compiled.value : null;
    })
    .filter((snapshot) => snapshot !== null);

  it('decide flows by name, packets and access as the snapshot does', { timeout: 120_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(snapshots, fc.array(packets, { minLength: 20, maxLength: 20 }), async (snapshot, some) => {
        const enforcer = await stockEnforcer(snapshot);
        const names = new NameDecision(snapshot);
        const principals = [...snapshot.classes, ...snapshot.endpoints].map(({ name }) => name);
        for (const from of principals)
          for (const to of principals)
            for (const app of indexOf(snapshot).services.keys())
              if (enforcer.enforceSync(from, to, app) !== names.isAllowed(from, to, app))
                expect.fail(`${from} -> ${to} ${app}`);
        const wire = wireNames(snapshot);
        for (const { source, destination, protocol, port } of some) {
          const words = [wire.side(source), wire.side(destination), wire.service(protocol, port)] as const;
          const { verdict } = decideFlow(snapshot, { source, destination, protocol, port });
          expect([words, enforcer.enforceSync(...words)]).toEqual([words, verdict === 'allow']);
        }
        for (const { name: device } of snapshot.classes)
          for (const posture of postures)
            for (const { name: segment } of snapshot.segments)
              expect(mayAccess(enforcer, device, 'main', posture, segment)).toBe(
                accessFor(snapshot, device, 'main', posture)?.segment === segment,
              );
      }),
      { numRuns: 30 },
    );
  });

  it('name every address once, and every port once', () => {
    fc.assert(
      fc.property(snapshots, (snapshot) => {
        for (const wire of [addressNames(snapshot), serviceNames(snapshot)]) {
          const all = wire.map(({ name }) => name);
          expect(new Set(all).size).toBe(all.length);
        }
        for (const { name } of addressNames(snapshot)) expect(parseAddress(name) ?? parseRange(name)).not.toBeNull();
      }),
    );
  });
});
