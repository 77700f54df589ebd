import type { PolicyParameters } from './parameters.ts';
import { randomPolicy } from './random-policy.ts';
import { structuredPolicy } from './structured-policy.ts';

/** A policy folder: path in it → text. */
export function generatePolicy(parameters: PolicyParameters): ReadonlyMap<string, string> {
  return parameters.shape === 'random' ? randomPolicy(parameters) : structuredPolicy(parameters);
}
