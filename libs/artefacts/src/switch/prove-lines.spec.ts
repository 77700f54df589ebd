import { describe, expect, it } from 'vitest';
import { createCliDriver } from '#drivers';
import { noRules, stateOf, type EnforcementState } from '#model';
import { parsePrefix, type AclEntry, type Prefix } from '#net';
import { EnforcementProof } from '../enforcement-proof.js';

const prefix = (text: string): Prefix => parsePrefix(text) as Prefix;
const entry = (part: Partial<AclEntry>): AclEntry => ({
  action: 'permit',
  family: 4,
  protocol: 6,
  sourcePorts: null,
  destination: null,
  destinationPorts: null,
  established: false,
  ...part,
});
const port = (first: number, last = first) => ({ first, last });
const entries = [
  entry({ sourcePorts: port(3613), destination: prefix('10.10.4.30'), established: true }),
  entry({ action: 'deny', destination: prefix('10.10.4.66') }),
  entry({ destination: prefix('10.10.4.0/24'), destinationPorts: port(443) }),
  entry({ protocol: 17, destinationPorts: port(5000, 5010) }),
  entry({ family: 6, destination: prefix('fd10:4::/64'), destinationPorts: port(443) }),
];
const stateWith = (of: readonly AclEntry[]): EnforcementState =>
  stateOf({
    ...noRules,
    lists: [
      { name: 'cordon-pump-1', entries: of },
      { name: 'cordon-nothing-2', entries: [] },
    ],
  });

describe.each(['ios-xe', 'aos-cx'])('lines of lists for %s', (make) => {
  const driver = createCliDriver({ make });
  const state = stateWith(entries);
  const summary = (text: string): string => new EnforcementProof(driver).checkText(state, text)?.summary ?? 'proved';
  const damage = (from: string | RegExp, to: string): string => {
    const text = driver.render(state);
    const damaged = text.replace(from, to);
    expect(damaged).not.toBe(text);
    return summary(damaged);
  };

  it('are proved as rendered, and as any change that brings them', () => {
    expect(new EnforcementProof(driver).check(state)).toBeNull();
    expect(summary(driver.render(state))).toBe('proved');
    const others = [null, driver.expect(stateWith(entries.slice(2))), driver.expect(stateOf(noRules))];
    for (const observed of others) expect(summary(driver.plan(state, observed).commands)).toBe('proved');
  });

  it('are proved by what is entered, not by what was meant', () => {
    const tampered = driver.parse(
      driver
        .render(state)
        .replace(/\n\s+\d+ deny tcp.*/, '')
        .replace('5000', '4999'),
    );
    const { commands } = driver.plan(state, tampered);
    expect(summary(commands)).toBe('proved');
    const lines = commands.trimEnd().split('\n');
    const from = lines.indexOf('! change') + 1;
    // without any one of the lines that are entered it is another list, or not understood
    for (let i = from + 1; i < lines.length; i++)
      expect({ line: lines[i], is: summary(lines.toSpliced(i, 1).join('\n')) }).not.toMatchObject({ is: 'proved' });
  });

  it.each<[string, string | RegExp, string, RegExp]>([
    ['a denying entry missing', /\n\s+\d+ deny tcp any .*10\.10\.4\.66/, '', /tcp\/443 .*10\.10\.4\.66.* would pass/],
    ['a port changed', '5000', '4999', /udp\/4999 .*would pass/],
    ['replies that may open', ' established', '', /from port 3613.* would pass/],
    ['an unknown condition', ' established', ' established dscp ef', /not understood/],
    ['the end missing', /\n\s+\d+ deny (?:ip|any) any any/, '', /does not say what becomes/],
    ['a list missing', /(?:ip )?access-list (?:ip|extended) cordon-nothing-2\n.*\n/, '', /no list `cordon-nothing-2`/],
    [
      'a list more',
      /$/,
      make === 'ios-xe' ? 'ip access-list extended cordon-z\n' : 'access-list ip cordon-z\n',
      /no rule asks for/,
    ],
    ['no text at all', /^[\s\S]*$/, '', /is not in it/],
  ])('are refuted with %s', (_, from, to, why) => {
    expect(damage(from, to)).toMatch(why);
  });
});
