import type { Lab } from '../lab.ts';
import { showTheLabItself } from './0-the-lab-itself.ts';

/** In this order; a scene leaves the lab as the next one expects it. */
export const scenes: readonly (readonly [number: string, scene: (lab: Lab) => Promise<void>])[] = [
  ['0', showTheLabItself],
];
