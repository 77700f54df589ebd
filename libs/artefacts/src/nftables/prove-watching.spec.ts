import fc from 'fast-check';
import { createNftablesDriver, type Driver } from '#drivers';
import { stateOf, type EnforcementRules } from '#model';
import { describe, expect, it } from 'vitest';
import { anyRules, at, classes, line, rules } from '../spec/flow-rules.js';
import { proveWatching } from './prove-watching.js';
import { proveRules } from './prove.js';

const driver = createNftablesDriver();
/** The pump keeps its library by IPv4 alone, and what it may send to scanners is closed for a class that no line in force names alone. */
const candidate = [
  ...rules.entries.slice(1),
  line('9', 'deny', classes('newcomer', 'pump'), classes('scanner'), 'udp/5005'),
  line('10', 'allow', classes('pump'), at('10.10.4.20'), 'tcp/443'),
];
const watched: EnforcementRules = { ...rules, candidate };

function prove(of: EnforcementRules, damage: (text: string) => string = (text) => text): string {
  const damaged: Pick<Driver, 'render' | 'parse'> = { ...driver, render: (state) => damage(driver.render(state)) };
  const result = proveRules(damaged, of);
  return 'code' in result ? result.summary : 'proved';
}

describe('a table that watches a candidate', () => {
  it('is proved: it judges as without, and tells exactly what would break', () =>
    expect(prove(watched)).toBe('proved'));

  it('is proved for any rules and any candidate', () => {
    const some = fc.tuple(anyRules, anyRules, fc.boolean()).map(([own, other, keeps]) => ({
      ...own,
      candidate: [...(keeps ? own.entries.slice(1) : own.entries), ...other.entries],
    }));
    fc.assert(
      fc.property(some, (of) => {
        expect(prove(of)).toBe('proved');
      }),
      { numRuns: 60 },
    );
  });

  it('is proved for a candidate that allows nothing, and for one that denies everything', () => {
    expect(prove({ ...rules, candidate: [] })).toBe('proved');
    const all = at('0.0.0.0/0', '::/0');
    expect(prove({ ...rules, candidate: [...rules.entries, line('9', 'deny', all, all, 'any')] })).toBe('proved');
  });

  const remove = (pattern: RegExp) => (text: string) => {
    const root = JSON.parse(text) as { nftables: unknown[] };
    const kept = root.nftables.filter((item) => !pattern.test(JSON.stringify(item)));
    expect(kept.length).toBeLessThan(root.nftables.length);
    return JSON.stringify({ nftables: kept });
  };

  it.each<[string, (text: string) => string, RegExp]>([
    ['a rule of it missing', remove(/"audit:000000000009"/), /does not tell it/],
    ['what is still allowed missing', remove(/"audit_withdrawn_4".*"return"/), /it is none of that/],
    ['its log missing', remove(/"rule".*"chain":"audit_log_6"/), /does not tell it/],
    ['a verdict in it', (text) => text.replace('{"return":null}', '{"drop":null}'), /decides: .*"drop"/],
    ['an accept in it', (text) => text.replaceAll('{"counter":"audit"}', '{"accept":null}'), /decides: .*"accept"/],
    [
      'a way out of it',
      (text) => text.replaceAll('{"goto":{"target":"audit_log_4"}}', '{"goto":{"target":"allow_4"}}'),
      /decides: .*allow_4/,
    ],
    [
      'replies told as well',
      (text) => text.replaceAll(/\{"match":\{"op":"in","left":\{"ct":\{"key":"state"\}\},"right":"new"\}\},/g, ''),
      /it is none of that/,
    ],
    [
      'a limit before a verdict',
      (text) =>
        text.replace(
          '{"counter":"denied"},{"drop":null}',
          '{"limit":{"rate":1,"burst":1,"per":"second"}},{"drop":null}',
        ),
      /behind a limit/,
    ],
  ])('is refuted with %s', (_, damage, why) => expect(prove(watched, damage)).toMatch(why));
});

describe('a change of what watches', () => {
  const [own, other] = [stateOf(rules), stateOf(watched)];
  const change = driver.plan(other, driver.parse(driver.render(own)));

  it('is proved when it is one', () => {
    expect(change.kind).toBe('watching');
    expect(proveWatching(change.commands)).toBeNull();
    expect(proveWatching(driver.plan(own, driver.parse(driver.render(other))).commands)).toBeNull();
  });

  it.each<[string, string, RegExp]>([
    ['drops', change.commands.replace('{"return":null}', '{"drop":null}'), /decides/],
    ['adds a rule where the verdict is', change.commands.replace('"chain":"audit_4"', '"chain":"allow_4"'), /allow_4/],
    ['empties another chain', change.commands.replace('"name":"audit_log_4"', '"name":"deny_4"'), /deny_4/],
    ['replaces the table', driver.render(own), /command `add table`/],
  ])('is refused when it %s', (_, text, why) => expect(proveWatching(text)?.summary).toMatch(why));
});
