import { z } from 'zod';
import type { Report } from '../codes.js';
import type { RadsecEntry } from '../snapshot.js';
import type { YamlFile } from './yaml-file.js';

const file = z.string().regex(/^file:.+$/, 'must begin with `file:`, and names a file where the bridge runs');
const versions = ['1.2', '1.3'] as const;

export const radsecSchema = z.strictObject({
  certificate: file,
  key: z
    .string()
    .regex(
      /^(env:[A-Z][A-Z0-9_]*|file:.+)$/,
      'must begin with `env:` or `file:`, since a key never stands in the policy',
    ),
  authorities: file,
  revocationLists: file.nullable(),
  versions: z.array(z.enum(versions)).min(1).default(['1.3']),
  idleTimeout: z.number().int().min(30).max(86_400).default(600),
});

/** network/radsec.yaml: by what the bridge is known over TLS, and whose certificates it believes. What the files hold, the bridge reads. */
export function readRadsec(yaml: YamlFile | null, report: Report): RadsecEntry | null {
  if (!yaml || (yaml.entries(report) ?? []).length === 0) return null;
  const value = yaml.value([], radsecSchema, report);
  return value && { ...value, versions: versions.filter((version) => value.versions.includes(version)) };
}
