import { coldStartCase } from './case-cold-start.ts';
import { eapCase } from './case-eap.ts';
import { macCase } from './case-mac.ts';
import { memoryCase } from './case-memory.ts';
import { stormCase } from './case-storm.ts';
import type { RadiusCase } from './radius-case.ts';

export const cases: readonly RadiusCase[] = [macCase, eapCase, stormCase, memoryCase, coldStartCase];
