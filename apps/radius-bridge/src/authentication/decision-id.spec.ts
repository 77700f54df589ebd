import { describe, expect, it } from 'vitest';
import { DecisionIds, readDecisionId } from './decision-id.js';

describe('DecisionIds', () => {
  it('gives each decision a name of its own, counting', () => {
    const ids = new DecisionIds();
    const names = Array.from({ length: 5000 }, () => ids.next());
    expect(new Set(names).size).toBe(5000);
    for (const [i, name] of names.entries()) {
      expect(readDecisionId(Buffer.from(name))).toBe(name);
      expect(Number.parseInt(name.slice(-6), 36)).toBe(i + 1);
    }
  });

  it('begins apart from those of another start', () => {
    expect(new DecisionIds().next()).not.toBe(new DecisionIds().next());
  });
});
