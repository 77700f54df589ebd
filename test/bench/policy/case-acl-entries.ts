import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { capircaSources } from './capirca.ts';
import type { BenchCase } from '../bench-case.ts';
import { parseAccessLists } from './cisco-acl.ts';
import { generatePolicy } from './generated-policy.ts';
import { compiled, loaded } from './loaded.ts';
import { parametersOf, type Shape } from './parameters.ts';
import { capircaOutput, hasCapirca, noCapirca, runCapirca, writeCapirca } from './tools.ts';

/**
 * Lines that a switch port must hold, per class, both families. Without rules towards devices: for those Cordon writes
 * entries that Capirca has no words for (replies, other devices).
 */
export function aclEntriesCase(shape: Shape, rules: number): BenchCase {
  return {
    name: `ACL entries: ${shape}, ${rules} rules`,
    target: { figure: 'classes where Cordon has more', limit: 0, want: 'at most' },
    run: ({ progress }) => {
      const policy = loaded(generatePolicy({ ...parametersOf(shape, rules), towardsDevices: 0 }));
      progress('Cordon');
      const own = compiled(policy).portAcls;
      const cordon = new Map(Object.entries(own).map(([name, entries]) => [name, entries.length]));
      const total = sum(cordon.values());
      if (!hasCapirca()) {
        return {
          rows: { total: { Cordon: total } },
          figures: { 'Cordon entries': total },
          notes: [`${noCapirca}: nothing to compare with`],
        };
      }
      progress('Capirca');
      const capirca = capircaEntries(capircaSources(policy, [...cordon.keys()]));
      const differences = [...cordon].map(([name, entries]) => entries - (capirca.get(name) ?? 0));
      const more = differences.filter((difference) => difference > 0).length;
      const fewer = differences.filter((difference) => difference < 0).length;
      const peer = sum(capirca.values());
      return {
        rows: {
          total: { Cordon: total, Capirca: peer, 'Cordon : Capirca': ratio(total, peer) },
          'largest class': { Cordon: Math.max(...cordon.values()), Capirca: Math.max(...capirca.values()) },
          'classes with more entries': { Cordon: more, Capirca: fewer },
        },
        figures: {
          'Cordon entries': total,
          'Capirca entries': peer,
          classes: cordon.size,
          'classes where Cordon has more': more,
          'classes where Cordon has fewer': fewer,
        },
        notes: [],
      };
    },
  };
}

const sum = (values: Iterable<number>): number => [...values].reduce((a, b) => a + b, 0);
const ratio = (a: number, b: number): number => Math.round((a / b) * 1000) / 1000;

function capircaEntries(sources: ReturnType<typeof capircaSources>): ReadonlyMap<string, number> {
  const folder = mkdtempSync(join(tmpdir(), 'cordon-bench-'));
  try {
    writeCapirca(folder, sources);
    runCapirca(folder);
    const lists = parseAccessLists(capircaOutput(folder));
    return new Map([...lists].map(([name, { ipv4, ipv6 }]) => [name, ipv4.length + ipv6.length]));
  } finally {
    rmSync(folder, { recursive: true });
  }
}
