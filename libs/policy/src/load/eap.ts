import { z } from 'zod';
import type { Report } from '../codes.js';
import type { EapAuthority, EapEntry } from '../snapshot.js';
import type { YamlFile } from './yaml-file.js';

const file = z.string().regex(/^file:.+$/, 'must begin with `file:`, and names a file where the bridge runs');
const versions = ['1.2', '1.3'] as const;

export const authoritySchema = z.strictObject({
  certificates: file,
  revocationLists: file.nullable(),
  devices: z
    .array(
      z.strictObject({
        from: z.enum(['dns-name', 'uri', 'email', 'common-name', 'serial-number']),
        pattern: z
          .string()
          .regex(/^[^{}]*\{mac\}[^{}]*$/, 'must hold {mac} once, where the address of the device stands'),
      }),
    )
    .min(1),
});

export const eapSchema = z.strictObject({
  certificate: file,
  key: z
    .string()
    .regex(
      /^(env:[A-Z][A-Z0-9_]*|file:.+)$/,
      'must begin with `env:` or `file:`, since a key never stands in the policy',
    ),
  versions: z
    .array(z.enum(versions))
    .min(1)
    .default([...versions]),
  fragmentSize: z.number().int().min(100).max(1400).default(1024),
  resumption: z.number().int().min(0).max(86_400).default(3600),
  authorities: z
    .record(z.string(), authoritySchema)
    .refine((all) => Object.keys(all).length > 0, 'must name one at least'),
});

/** network/eap.yaml: how 802.1X is served, and whose certificates name devices. What the files hold, the bridge reads. */
export function readEap(yaml: YamlFile | null, report: Report): EapEntry | null {
  if (!yaml || (yaml.entries(report) ?? []).length === 0) return null;
  const value = yaml.value([], eapSchema, report);
  if (!value) return null;
  const { authorities, ...entry } = value;
  return {
    ...entry,
    versions: versions.filter((version) => entry.versions.includes(version)),
    authorities: Object.entries(authorities).map(([name, authority]): EapAuthority => ({ name, ...authority })),
  };
}
