import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

export const forgeKinds = ['github', 'gitlab', 'gitea'] as const;
/** Forgejo is `gitea`: it sends the same headers and has the same interface. */
export type ForgeKind = (typeof forgeKinds)[number];

/** A delivery as it came: `body` are its bytes, which signatures are over. */
export interface HookRequest {
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

interface HookScheme {
  /** Whether one of the secrets proves who sent it. */
  isGenuine(request: HookRequest, secrets: readonly string[], now: Date): boolean;
  /** What the forge calls the delivery; the same when it is sent again. */
  delivery(headers: IncomingHttpHeaders): string | null;
  readonly eventHeader: string;
  /** Events after which the repository may hold another commit. */
  readonly pushes: readonly string[];
}

const one = (headers: IncomingHttpHeaders, name: string): string | null => {
  const value = headers[name];
  return typeof value === 'string' && value !== '' ? value : null;
};

const hash = (text: string): Buffer => createHash('sha256').update(text).digest();
/** The time that it takes says nothing about where they differ, nor about lengths. */
const isSame = (a: string, b: string): boolean => timingSafeEqual(hash(a), hash(b));

const hexOf = (body: Buffer, secret: string): string => createHmac('sha256', secret).update(body).digest('hex');

/** Looks at all secrets, whichever fits. */
const anyOf = (secrets: readonly string[], fits: (secret: string) => boolean): boolean =>
  secrets.map(fits).includes(true);

const tolerance = 300_000;
const signingToken = /^whsec_([A-Za-z0-9+/]+={0,2})$/;

/** GitLab's signing token, after the Standard Webhooks specification: over id, instant and body. */
function isSigned({ headers, body }: HookRequest, signatures: string, secrets: readonly string[], now: Date): boolean {
  const id = one(headers, 'webhook-id');
  const timestamp = one(headers, 'webhook-timestamp');
  if (id === null || timestamp === null || !/^\d{1,12}$/.test(timestamp)) return false;
  if (Math.abs(now.getTime() - Number(timestamp) * 1000) > tolerance) return false;
  const given = signatures.split(' ').slice(0, 10);
  return anyOf(secrets, (secret) => {
    const key = signingToken.exec(secret)?.[1];
    if (key === undefined) return false;
    const signed = createHmac('sha256', Buffer.from(key, 'base64')).update(`${id}.${timestamp}.`).update(body);
    const expected = `v1,${signed.digest('base64')}`;
    return anyOf(given, (signature) => isSame(signature, expected));
  });
}

export const hookSchemes: Readonly<Record<ForgeKind, HookScheme>> = {
  github: {
    isGenuine: ({ headers, body }, secrets) => {
      const signature = one(headers, 'x-hub-signature-256') ?? '';
      return anyOf(secrets, (secret) => isSame(signature, `sha256=${hexOf(body, secret)}`));
    },
    delivery: (headers) => one(headers, 'x-github-delivery'),
    eventHeader: 'x-github-event',
    pushes: ['push'],
  },
  gitlab: {
    // One that is signed must be signed right: it never falls back to the token.
    isGenuine: (request, secrets, now) => {
      const signatures = one(request.headers, 'webhook-signature');
      if (signatures !== null) return isSigned(request, signatures, secrets, now);
      const token = one(request.headers, 'x-gitlab-token') ?? '';
      return anyOf(secrets, (secret) => !signingToken.test(secret) && isSame(token, secret));
    },
    // The signature covers `webhook-id`, so nobody plays one back under another name.
    delivery: (headers) =>
      one(headers, 'webhook-signature') === null ? one(headers, 'x-gitlab-event-uuid') : one(headers, 'webhook-id'),
    eventHeader: 'x-gitlab-event',
    pushes: ['Push Hook', 'Tag Push Hook'],
  },
  gitea: {
    isGenuine: ({ headers, body }, secrets) => {
      const signature = one(headers, 'x-gitea-signature') ?? '';
      return anyOf(secrets, (secret) => isSame(signature, hexOf(body, secret)));
    },
    delivery: (headers) => one(headers, 'x-gitea-delivery'),
    eventHeader: 'x-gitea-event',
    pushes: ['push', 'create'],
  },
};
