import { describe, expect, it } from 'vitest';
import { policyFiles } from '#testkit';
import { concernKinds } from './plan.js';
import { planOf } from './spec/planned.js';

const tiny = policyFiles();
const flows = tiny.get('rules/flows.csv')!;
const withRule = (rule: string, files: Record<string, string> = {}) =>
  policyFiles({ 'rules/flows.csv': `${flows}\n${rule}\n`, ...files });
const kinds = (to: ReadonlyMap<string, string>, given = {}) => planOf(tiny, to, given).concerns.map(({ kind }) => kind);

describe('what people may want to approve', () => {
  it('is nothing when nothing changes', () => expect(planOf(tiny, tiny).concerns).toEqual([]));

  it('is the internet, also when the same change calls all addresses internal', () => {
    expect(kinds(withRule('p, quarantined, internet, https, allow, always, x'))).toContain('internet');
    const endpoints = tiny.get('catalog/endpoints.yaml')!.replace('10.0.0.0/8, ', '10.0.0.0/8, 192.0.0.0/2, ');
    const hidden = withRule('p, quarantined, outside, https, allow, always, x', {
      'catalog/endpoints.yaml': `${endpoints}outside: { addresses: [198.51.100.7] }\n`,
    });
    expect(kinds(hidden)).toContain('internet');
  });

  it('is a life-critical class, opened or closed, and one that is made less critical in the same change', () => {
    const closed = policyFiles({ 'rules/flows.csv': flows.replace('p, infusion-pump, drug-library', '# p') });
    expect(kinds(closed)).toContain('life-critical');
    const classes = tiny.get('catalog/classes.yaml')!;
    const lesser = classes.replace('life-critical', 'standard');
    expect(lesser).not.toBe(classes);
    expect(kinds(policyFiles({ 'catalog/classes.yaml': lesser }))).toContain('life-critical');
  });

  it('is a life-critical class that is placed otherwise, whatever devices the inventory has', () => {
    const access = tiny.get('rules/access.csv')!;
    const moved = access.replace(/^p2, infusion-pump, everywhere, unverified.*\n/m, '');
    expect(moved).not.toBe(access);
    const inventory = 'id,class,site\na,unknown,main\n';
    expect(kinds(policyFiles({ 'rules/access.csv': moved }), { inventory })).toContain('life-critical');
  });

  it('is a line whose effect is not now', () => {
    const rule = 'p, quarantined, remediation, https, allow, night, x';
    const schedules = `${tiny.get('catalog/schedules.yaml')}night: { days: [sun], from: "01:00", to: "02:00", timezone: Europe/Berlin }\n`;
    const { concerns } = planOf(tiny, withRule(rule, { 'catalog/schedules.yaml': schedules }));
    expect(concerns.find(({ kind }) => kind === 'later')?.summary).toContain('rules/flows.csv');
    expect(concerns.map(({ kind }) => kind)).not.toContain('low');
  });

  it('comes in one order, one of each kind, with how many there are', () => {
    const { concerns } = planOf(tiny, withRule('p, quarantined, internet, any, allow, always, x'));
    const order = concerns.map(({ kind }) => concernKinds.indexOf(kind));
    expect(order).toEqual([...new Set(order)].sort((a, b) => a - b));
    expect(concerns.map(({ kind }) => kind)).toEqual(expect.arrayContaining(['internet', 'high', 'any']));
    for (const { count } of concerns) expect(count).toBeGreaterThan(0);
  });
});
