import { describe, expect, it } from 'vitest';
import { growthOf } from './heap-growth.js';

describe('growth of the heap', () => {
  it.each([
    ['of nothing', 0, 100],
    ['of a small one', 40, 100],
    ['of a middle one', 96, 50],
    ['of a large one', 1000, 20],
  ])('%s', (_, megabytes, percent) => expect(growthOf(megabytes * 1024 * 1024)).toBe(percent));
});
