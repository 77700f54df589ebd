import { createHmac } from 'node:crypto';

export interface WebhookTarget {
  readonly url: string;
  /** One, or two while it is being changed: the message is signed with each. */
  readonly secrets: readonly Buffer[];
}

export interface Message {
  readonly id: string;
  readonly body: string;
}

/** As the Standard Webhooks specification has it: `v1,BASE64` of each secret. */
export function signatureOf({ id, body }: Message, timestamp: number, secrets: readonly Buffer[]): string {
  const signed = `${id}.${timestamp}.${body}`;
  return secrets.map((secret) => `v1,${createHmac('sha256', secret).update(signed).digest('base64')}`).join(' ');
}

/** Null: it was taken. Otherwise why not, for people; the URL, which may be a secret itself, is not in it. */
export async function deliver(
  { url, secrets }: WebhookTarget,
  message: Message,
  at: Date,
  limits: { readonly milliseconds: number; readonly signal: AbortSignal },
): Promise<string | null> {
  const timestamp = Math.floor(at.getTime() / 1000);
  const timeout = AbortSignal.timeout(limits.milliseconds);
  try {
    const answer = await fetch(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'user-agent': 'cordon',
        'webhook-id': message.id,
        'webhook-timestamp': String(timestamp),
        'webhook-signature': signatureOf(message, timestamp, secrets),
      },
      body: message.body,
      // Elsewhere is not who was named.
      redirect: 'manual',
      signal: AbortSignal.any([limits.signal, timeout]),
    });
    await answer.body?.cancel();
    return answer.ok ? null : `the receiver answered ${answer.status}`;
  } catch (error) {
    if (timeout.aborted) return `the receiver did not answer within ${limits.milliseconds / 1000} seconds`;
    return `the receiver is not reached (${codeOf(error)})`;
  }
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  const { cause } = error as { cause?: { readonly code?: string; readonly message?: string } };
  return cause?.code ?? cause?.message ?? error.name;
}
