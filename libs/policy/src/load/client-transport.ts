import { parseAddress } from '#net';
import { z } from 'zod';
import type { Report } from '../codes.js';
import type { MessageAuthenticatorRule, NasEntry } from '../snapshot.js';
import { parseUntil } from '../when.js';
import type { YamlFile } from './yaml-file.js';

const port = z.number().int().min(1).max(65_535);
const day = z.string().refine((text) => parseUntil(`until ${text}`) !== null, 'must be a day, such as 2027-03-31');
const standardPort = { udp: 3799, connection: 3799, radsec: 2083 } as const;

/** The fields of network/nas.yaml that say how a client's packets come, and what is taken of them. */
export const transportFields = {
  transport: z.enum(['udp', 'radsec']).default('udp'),
  certificate: z
    .strictObject({
      from: z.enum(['dns-name', 'ip-address', 'common-name']),
      name: z.string().trim().min(1).max(253),
    })
    .optional(),
  secret: z.string().optional(),
  messageAuthenticator: z
    .union(
      [
        z.enum(['required', 'limit-proxy-state']),
        z.strictObject({ exception: z.string().trim().min(1).max(200), until: day }),
      ],
      'must be `required`, `limit-proxy-state` or `{ exception: "why, and the ticket", until: 2027-03-31 }`',
    )
    .optional(),
  requestsPerSecond: z.number().int().min(1).max(1_000_000).default(5000),
  coaTransport: z.enum(['udp', 'radsec', 'connection']).optional(),
  coaPort: port.optional(),
};

const reference = /^(env:[A-Z][A-Z0-9_]*|file:.+)$/;
const schema = z.strictObject(transportFields);
type Written = z.infer<typeof schema>;

/** The form of a reference to a secret. */
export const isReference = (text: string): boolean => reference.test(text);

type ClientTransport = Pick<
  NasEntry,
  'transport' | 'certificate' | 'secret' | 'messageAuthenticator' | 'requestsPerSecond' | 'coaTransport' | 'coaPort'
>;

/** Fills in what follows from the rest, and refuses what contradicts it. Null after an error. */
export function readTransport(
  { name, value }: { readonly name: string; readonly value: Written },
  file: YamlFile,
  report: Report,
): ClientTransport | null {
  const { transport, requestsPerSecond } = value;
  const coaTransport = value.coaTransport ?? (transport === 'radsec' ? 'connection' : 'udp');
  const refusals = contradictions(value, coaTransport);
  for (const { field, summary, hint } of refusals) report.add('schema', file.span([name, field]), summary, hint);
  if (value.secret !== undefined && !reference.test(value.secret)) {
    const hint =
      'write "env:NAME" or "file:/run/secrets/…", and change the secret on the switch: what was in git is known';
    report.add('secret-in-clear', file.span([name, 'secret']), `the secret of \`${name}\` is not a reference`, hint);
  }
  if (refusals.length > 0) return null;
  const rule: MessageAuthenticatorRule = value.messageAuthenticator ?? 'required';
  return {
    transport,
    certificate: value.certificate ?? null,
    secret: value.secret ?? null,
    messageAuthenticator: rule,
    requestsPerSecond,
    coaTransport,
    coaPort: value.coaPort ?? standardPort[coaTransport],
  };
}

interface Refusal {
  readonly field: keyof Written;
  readonly summary: string;
  readonly hint: string;
}

function contradictions(value: Written, coaTransport: NasEntry['coaTransport']): Refusal[] {
  const { transport, certificate, secret } = value;
  const hasTls = transport === 'radsec' || coaTransport === 'radsec';
  const usesUdp = transport === 'udp' || coaTransport === 'udp';
  const out: Refusal[] = [];
  const refuse = (field: keyof Written, summary: string, hint: string): void => void out.push({ field, summary, hint });
  if (hasTls && !certificate)
    refuse(
      'certificate',
      '`certificate` is missing',
      'say `certificate: { from: dns-name, name: … }`: TLS needs to know whom it speaks to',
    );
  if (!hasTls && certificate)
    refuse('certificate', 'a client by UDP shows no certificate', 'say `transport: radsec`, or remove `certificate`');
  if (usesUdp && secret === undefined)
    refuse('secret', '`secret` is missing', 'UDP needs one: write "env:NAME" or "file:PATH"');
  if (!usesUdp && secret !== undefined)
    refuse('secret', 'over TLS the secret is always `radsec` (RFC 6614)', 'remove `secret`');
  if (transport === 'udp' && coaTransport === 'connection')
    refuse('coaTransport', 'a client by UDP has no connection', 'say `coaTransport: radsec`, or leave it out');
  if (transport === 'radsec' && value.messageAuthenticator !== undefined)
    refuse('messageAuthenticator', 'TLS signs what a client sends over it', 'remove `messageAuthenticator`');
  if (certificate?.from === 'ip-address' && !parseAddress(certificate.name))
    refuse('certificate', `\`${certificate.name}\` is no address`, 'write it as "10.0.3.11" or "fd10::11"');
  return out;
}
