import { z } from 'zod';
import type { Report } from '../codes.js';
import type { EapAuthority, EapEntry } from '../snapshot.js';
import type { YamlFile } from './yaml-file.js';

const file = z.string().regex(/^file:.+$/, 'must begin with `file:`, and names a file where the bridge runs');
const versions = ['1.2', '1.3'] as const;
const methods = ['tls', 'peap', 'ttls'] as const;

export const authoritySchema = z.strictObject({
  certificates: file,
  revocationLists: file.nullable(),
  ocsp: z
    .strictObject({
      url: z.url({
        protocol: /^https?$/,
        error: 'must be the address of the responder, like http://ocsp.hospital.example/',
      }),
      unreachable: z.enum(['accept', 'refuse']).default('refuse'),
    })
    .nullable()
    .default(null),
  devices: z
    .array(
      z.strictObject({
        from: z.enum(['dns-name', 'uri', 'email', 'common-name', 'serial-number']),
        pattern: z
          .string()
          .regex(
            /^[^{}]*\{(?:mac|serial)\}[^{}]*$/,
            'must hold {mac} once, where the address of the device stands, or {serial} once, where its serial number stands: one of the two in a pattern, and no other braces',
          ),
      }),
    )
    .min(1),
});

const eapFields = z.strictObject({
  certificate: file,
  key: z
    .string()
    .regex(
      /^(env:[A-Z][A-Z0-9_]*|file:.+)$/,
      'must begin with `env:` or `file:`, since a key never stands in the policy',
    ),
  methods: z
    .tuple([z.enum(methods)], z.enum(methods))
    .refine((names) => new Set(names).size === names.length, 'must name each method once')
    .default(['tls']),
  passwordPosture: z.enum(['verified', 'unverified']).default('unverified'),
  versions: z
    .array(z.enum(versions))
    .min(1)
    .default([...versions]),
  fragmentSize: z.number().int().min(100).max(1400).default(1024),
  resumption: z.number().int().min(0).max(86_400).default(3600),
  authorities: z.record(z.string(), authoritySchema).default({}),
});

export const eapSchema = eapFields.superRefine(({ methods: served, authorities }, context) => {
  const hasSome = Object.keys(authorities).length > 0;
  if (served.includes('tls') === hasSome) return;
  const message = hasSome
    ? 'is of no use without method `tls`: add it to `methods`, or take the authorities out'
    : 'must name one at least for method `tls`, or leave `tls` out of `methods`';
  context.addIssue({ code: 'custom', path: ['authorities'], message });
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
