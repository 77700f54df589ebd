import { policyFiles } from '#testkit';
import { describe, expect, it } from 'vitest';
import { compilePolicy } from '../compile/compile.js';
import { loadPolicy } from '../load/load.js';
import { pointFindings, type PointCheck } from './points.js';

/** A Monday noon. */
const at = new Date('2026-11-23T12:00:00Z');

function findingsOf(files: Record<string, string>, check: PointCheck): string[] {
  const loaded = loadPolicy(policyFiles(files));
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.diagnostics));
  const compiled = compilePolicy(loaded.value, at);
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.diagnostics));
  return pointFindings(loaded.value, compiled.value, check).map(({ summary, span }) => `${span?.line} ${summary}`);
}

const cluster = (name: string): string =>
  `${name}: { driver: kubernetes, site: main, transport: { kind: kubernetes, kubeconfig: in-cluster } }\n`;
const service = (name: string, at: string): string =>
  `${name}: { addresses: [10.10.9.1], kubernetes: { cluster: ${at}, namespace: default, service: ${name} } }\n`;

describe('what drivers of points refuse', () => {
  it('is asked of each cluster, for the services in it', () => {
    const files = {
      'network/enforcement-points.yaml': cluster('first') + cluster('second'),
      'catalog/endpoints-x.yaml': service('formulary', 'first') + service('archive', 'second'),
    };
    const check: PointCheck = (_, { rules }) =>
      rules.workloads
        .filter(({ endpoint }) => endpoint === 'archive')
        .map(({ endpoint }) => ({ severity: 'error', code: 'x', summary: `not ${endpoint}`, hint: 'x' }));
    expect(findingsOf(files, check)).toEqual(['2 `second` (kubernetes): not archive']);
  });

  it('is asked once of switches that are alike, and told of each', () => {
    const nas = (n: number, profile: string): string =>
      `sw${n}: { address: 10.0.3.${n}, site: main, profile: ${profile}, secret: "env:X" }\n`;
    const point = (n: number): string =>
      `p${n}: { driver: netconf, site: main, nas: sw${n}, options: { model: ietf-acl }, transport: { kind: simulated } }\n`;
    const files = {
      'network/nas.yaml': nas(1, 'juniper-ex') + nas(2, 'juniper-ex') + nas(3, 'rfc'),
      'network/enforcement-points.yaml': [1, 2, 3].map(point).join(''),
    };
    const asked: string[] = [];
    const found = findingsOf(files, ({ name }, { rules }) => {
      asked.push(name);
      const errors = ['a', 'b'].map((summary) => ({ severity: 'error' as const, code: 'x', summary, hint: 'x' }));
      return rules.lists.length > 0 ? errors : [{ severity: 'warning', code: 'x', summary: 'c', hint: 'x' }];
    });
    expect(asked).toEqual(['p1', 'p3']);
    expect(found).toEqual(['1 `p1` (netconf): a; and 1 more', '2 `p2` (netconf): a; and 1 more']);
  });
});
