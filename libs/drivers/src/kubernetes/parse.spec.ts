import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { samplesFor } from '../conformance-states.js';
import { TerminalFault } from '../driver.js';
import { judgeByPolicies } from './evaluate.js';
import { createKubernetesDriver } from './index.js';
import { parse, parsePolicies } from './parse.js';

const driver = createKubernetesDriver({ namespaces: 'clinical' });
const { baseState } = samplesFor(['flows', 'workloads']);
const good = driver.render(baseState);

interface Item {
  kind: string;
  metadata: Record<string, unknown> & { name: string };
  spec: Record<string, unknown>;
}
const changed = (change: (base: Item, items: Item[]) => void): string => {
  const list = JSON.parse(good) as { items: Item[] };
  change(
    list.items.find(({ metadata }) => metadata.name === 'cordon.server')!,
    list.items,
  );
  return JSON.stringify(list);
};

describe('parse', () => {
  it('finds nothing of ours among services and policies of others', () => {
    expect(parse(changed((_, items) => items.splice(1)))).toBeNull();
    expect(
      parse(
        changed((_, items) => {
          for (const { metadata } of items) delete metadata['labels'];
        }),
      ),
    ).toBeNull();
  });

  it.each<[string, (base: Item) => void]>([
    [
      'the order of fields',
      (base) => {
        base.spec = Object.fromEntries(Object.entries(base.spec).reverse());
      },
    ],
    [
      'the order of blocks',
      (base) => {
        (base.spec['ingress'] as { from: unknown[] }[])[0]!.from.reverse();
      },
    ],
  ])('takes no notice of %s', (_, change) => {
    expect(parse(changed(change))?.rulesFingerprint).toBe(parse(good)?.rulesFingerprint);
  });

  it.each<[string, (base: Item, items: Item[]) => void]>([
    [
      'an unknown field',
      (base) => {
        base.spec['priority'] = 1;
      },
    ],
    [
      'a selector by expressions',
      (base) => {
        base.spec['podSelector'] = { matchExpressions: [] };
      },
    ],
    [
      'a rule without peers',
      (base) => {
        base.spec['ingress'] = [{}];
      },
    ],
    [
      'an empty list of peers',
      (base) => {
        base.spec['ingress'] = [{ from: [] }];
      },
    ],
    [
      'an empty list of ports',
      (base) => {
        (base.spec['ingress'] as object[])[0] = { ...(base.spec['ingress'] as object[])[0], ports: [] };
      },
    ],
    [
      'peers that are pods',
      (base) => {
        base.spec['ingress'] = [{ from: [{ podSelector: {} }] }];
      },
    ],
    [
      'host bits',
      (base) => {
        base.spec['ingress'] = [{ from: [{ ipBlock: { cidr: '10.0.0.1/8' } }] }];
      },
    ],
    [
      'a direction without its type',
      (base) => {
        base.spec['policyTypes'] = ['Ingress'];
      },
    ],
    [
      'an owner',
      (base) => {
        base.metadata['ownerReferences'] = [{ name: 'x' }];
      },
    ],
    [
      'a finalizer',
      (base) => {
        base.metadata['finalizers'] = ['x'];
      },
    ],
    [
      'a service that is not there',
      (_, items) => {
        items.shift();
      },
    ],
    [
      'a service with another selector',
      (_, items) => {
        items[0]!.spec = { selector: { app: 'x' } };
      },
    ],
  ])('notices %s', (_, change) => {
    const text = changed(change);
    expect(parse(text)?.rulesFingerprint).not.toBe(parse(good)?.rulesFingerprint);
    expect(() => judgeByPolicies(text)).toThrow(/no evaluation/);
  });

  it('throws nothing but TerminalFault, whatever the text', () => {
    const broken = fc
      .tuple(fc.nat(good.length), fc.nat(40), fc.string({ maxLength: 8 }))
      .map(([at, cut, put]) => good.slice(0, at) + put + good.slice(at + cut));
    const shaped = fc.jsonValue().map((value) =>
      changed((base) => {
        base.spec = value as never;
      }),
    );
    const items = fc.array(fc.jsonValue()).map((list) => JSON.stringify({ kind: 'List', items: list }));
    fc.assert(
      fc.property(fc.oneof(broken, shaped, items, fc.json(), fc.string()), (text) => {
        for (const read of [parse, parsePolicies])
          try {
            read(text);
          } catch (error) {
            expect(error).toBeInstanceOf(TerminalFault);
          }
      }),
      { numRuns: 1500 },
    );
  });
});
