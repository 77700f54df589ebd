import { postures } from '#model';
import { parseAddress, portOf, protocolOf } from '#net';
import { beforeAll, describe, expect, it } from 'vitest';
import { accessFor, indexOf } from '../decide.js';
import { judge } from '../explain.js';
import type { Policy } from '../policy.js';
import type { Snapshot } from '../snapshot.js';
import { samplePolicy, sampleSnapshot, sampleInstant } from '../spec/sample.js';
import { CasbinOracle, type OracleSide } from './oracle.js';

/** `CORDON_ORACLE=full` asks Casbin again for every single question (minutes); else once for those that it can't tell apart. */
const isFull = process.env['CORDON_ORACLE'] === 'full';

describe('the compiled sample hospital decides as Casbin does', () => {
  let policy: Policy;
  let snapshot: Snapshot;
  let oracle: CasbinOracle;
  let classes: string[];
  let endpoints: string[];
  let applications: string[];

  beforeAll(async () => {
    policy = samplePolicy();
    snapshot = sampleSnapshot(policy);
    oracle = await CasbinOracle.create(policy, sampleInstant);
    classes = [...policy.classes.keys()];
    endpoints = [...policy.endpoints.keys()];
    applications = [...policy.applications.keys()];
  });

  /** One packet of every part into which the snapshot divides a question; each is put to `enforce`. */
  async function compare(from: string, to: string, app: string): Promise<number> {
    const parts = judge(snapshot, { from, to, app });
    if (!parts.ok) throw new Error(parts.diagnostics[0]!.summary);
    for (const part of parts.value) {
      const key = part.services[0]?.first;
      if (key === undefined) continue;
      const [source, destination] = [sideOf(part.from), sideOf(part.to)];
      const protocol = protocolOf(key);
      const port = portOf(key);
      const expected = (await oracle.packet(source, destination, protocol, port, !isFull)) ? 'allow' : 'deny';
      // No `expect` for the good case: there are millions.
      if (part.verdict !== expected)
        expect.fail(`${from} -> ${to} ${app}: ${part.from} -> ${part.to} ${protocol}/${port}: Casbin says ${expected}`);
    }
    return parts.value.length;
  }

  function sideOf(label: string): OracleSide {
    const address = parseAddress(label);
    return address ? { address } : { class: label };
  }

  it('for every device class, endpoint and application', { timeout: isFull ? 3_600_000 : 120_000 }, async () => {
    let compared = 0;
    for (const from of classes)
      for (const to of endpoints) for (const app of applications) compared += await compare(from, to, app);
    expect(compared).toBeGreaterThan(classes.length * endpoints.length * (applications.length - 5));
  });

  it(
    'for every endpoint that opens connections, device class and application',
    { timeout: isFull ? 3_600_000 : 120_000 },
    async () => {
      let compared = 0;
      for (const from of endpoints)
        for (const to of classes) for (const app of applications) compared += await compare(from, to, app);
      expect(compared).toBeGreaterThan(classes.length * endpoints.length * (applications.length - 5));
    },
  );

  it('for every two device classes and application', { timeout: isFull ? 3_600_000 : 120_000 }, async () => {
    for (const from of classes) for (const to of classes) for (const app of applications) await compare(from, to, app);
  });

  it('by name, where Casbin is asked with the names themselves', { timeout: isFull ? 3_600_000 : 120_000 }, () => {
    const index = indexOf(snapshot);
    const closure = (names: readonly { name: string; ancestors: readonly string[] }[]) =>
      new Map(names.map(({ name, ancestors }) => [name, new Set([name, ...ancestors])]));
    const objects = closure([...snapshot.classes, ...snapshot.endpoints]);
    const apps = closure(snapshot.applications);
    for (const from of classes) {
      const rules = [...objects.get(from)!].flatMap((name) => index.bySubject.get(name) ?? []);
      for (const to of [...endpoints, ...classes]) {
        const towards = rules.filter(({ object }) => objects.get(to)!.has(object));
        for (const app of applications) {
          const matching = towards.filter(({ application }) => apps.get(app)!.has(application));
          const allowed = matching.length > 0 && matching.every(({ effect }) => effect === 'allow');
          if (allowed !== (isFull ? oracle.flow(from, to, app) : oracle.flowOnce(from, to, app)))
            expect.fail(`${from} -> ${to} ${app}: Casbin says ${!allowed}`);
        }
      }
    }
  });

  it('for every class, site, posture and segment: what the table grants, Casbin allows; what Casbin denies, it never grants', () => {
    let granted = 0;
    for (const device of classes) {
      for (const site of policy.sites.keys()) {
        if (site === 'everywhere') continue;
        for (const posture of postures) {
          const grant = accessFor(snapshot, device, site, posture);
          const allowed = [...policy.segments.keys()].filter((segment) =>
            oracle.access(device, site, posture, segment),
          );
          if (grant) {
            granted++;
            expect(allowed).toContain(grant.segment);
            expect(isMostSpecific(grant.segment, allowed, device, site, posture)).toBe(true);
          } else expect(allowed.filter((segment) => isAt(segment, site))).toEqual([]);
        }
      }
    }
    expect(granted).toBeGreaterThan(classes.length);
  });

  function isAt(segment: string, site: string): boolean {
    const sites = new Set(policy.segments.get(segment)!.sites.map((at) => at.site));
    return [...policy.siteTree.distances(site).keys()].some((name) => sites.has(name));
  }

  /** Of the segments that Casbin allows, no rule for another one is nearer to the class, or as near and nearer to the site. */
  function isMostSpecific(
    segment: string,
    allowed: readonly string[],
    device: string,
    site: string,
    posture: string,
  ): boolean {
    const rank = (name: string): number => {
      const ranks = snapshot.accessRules
        .filter((rule) => rule.active && rule.segment === name && rule.posture === posture)
        .flatMap((rule) => {
          const near = policy.principalTree.distances(device).get(rule.class);
          const far = policy.siteTree.distances(site).get(rule.site);
          return near === undefined || far === undefined ? [] : [near * 1000 + far];
        });
      return Math.min(...ranks);
    };
    return allowed.every((name) => name === segment || rank(name) > rank(segment));
  }
});
