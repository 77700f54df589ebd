import { enforcementRules, noProvenance, type EnforcementPointEntry, type Snapshot } from '#policy';
import { policyFiles } from '#testkit';
import { describe, expect, it } from 'vitest';
import { evaluatePolicy } from '../policy/evaluate.js';
import { withCandidate } from './watched-rules.js';

const noon = new Date('2026-11-23T11:00:00Z');
function compiled(audit: string | null): Snapshot {
  const parts = audit === null ? {} : { 'audit/x.csv': audit };
  const evaluated = evaluatePolicy(policyFiles(parts), noon, noProvenance, new Map(), true);
  if (!evaluated.ok) throw new Error(JSON.stringify(evaluated.diagnostics));
  return evaluated.value.snapshot;
}
const inForce = compiled(null);
const rules = enforcementRules(inForce, 'main');
const [point] = inForce.enforcementPoints as [EnforcementPointEntry];
const closing = compiled('p, infusion-pump, library-1, https, deny, always, x');

describe('the rules of a point with a candidate', () => {
  it('have it where it closes something, and are the same object each time', () => {
    const watched = withCandidate(rules, point, closing);
    expect(watched.why).toBeNull();
    expect(watched.rules.candidate?.map(({ line }) => line)).toContain('audit/x.csv:1');
    expect(watched.rules.entries).toBe(rules.entries);
    expect(withCandidate(rules, point, closing)).toBe(watched);
  });

  it('stay as they are where it only opens: what is denied is told already', () => {
    const opening = compiled('p, infusion-pump, remediation, https, allow, always, x');
    expect(withCandidate(rules, point, opening)).toEqual({ rules, why: null });
    expect(withCandidate(rules, point, opening).rules).toBe(rules);
  });

  it.each<[string, Partial<EnforcementPointEntry>, RegExp]>([
    [
      'a driver that can not log what passes',
      { driver: 'openvswitch', options: { bridge: 'br0' } },
      /openvswitch can't/,
    ],
    ['a driver of lists', { driver: 'netconf', options: { model: 'ietf-acl' } }, /enforces no flows/],
  ])('stay as they are with %s, and it is said', (_, change, why) => {
    const made = withCandidate(rules, { ...point, ...change }, closing);
    expect(made.rules).toBe(rules);
    expect(made.why).toMatch(why);
  });

  it('stay as they are while devices are under several policies', () => {
    const mixed = { ...rules, snapshotDigest: 'a+b' };
    expect(withCandidate(mixed, point, closing).why).toContain('rolled out');
  });
});
