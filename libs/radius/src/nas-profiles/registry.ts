import { ciscoIosXe } from './cisco-ios-xe.js';
import type { NasProfile } from './profile.js';
import { rfc } from './rfc.js';

const profiles: ReadonlyMap<string, NasProfile> = new Map([rfc, ciscoIosXe].map((profile) => [profile.name, profile]));

export const nasProfileNames: readonly string[] = [...profiles.keys()];

export function nasProfile(name: string): NasProfile | null {
  return profiles.get(name) ?? null;
}
