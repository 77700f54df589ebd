/** What proves a name. */
export interface PasswordProof {
  /** MD4 of the password in UTF-16LE; null: this name may not use MS-CHAPv2. */
  readonly ntHash: Buffer | null;
  /** Of the password itself; false for a name that may not send it. */
  verify(password: Buffer): Promise<boolean>;
}

/** Null: there is no such name. */
export type FindProof = (username: string) => Promise<PasswordProof | null>;

/** What an inner method makes of what came through the tunnel; `output` goes back through it. */
export type InnerStep =
  | { readonly kind: 'continue'; readonly output: Buffer }
  /** The peer knows the password of `username`. */
  | { readonly kind: 'proved'; readonly username: string }
  | { readonly kind: 'failed'; readonly output: Buffer; readonly reason: string };

/** Bytes that both ends of the tunnel derive from it and nobody else knows (RFC 5705). */
export type ExportMaterial = (label: string, length: number) => Buffer;

/**
 * The server's side of what is said inside a TLS tunnel (phase 2 of PEAP and EAP-TTLS). Decides whether the peer knows the
 * password of the name that it gives; which device may use that name is not its business.
 *
 * INVARIANT: `proved` comes only after the password was checked in this conversation.
 */
export interface InnerMethod {
  /** The tunnel is there: what the server says first, often nothing. */
  begin(): Buffer;
  /** `message`: what came through the tunnel; empty when the peer only acknowledged. */
  receive(message: Buffer): Promise<InnerStep>;
  /** The tunnel of an earlier success was resumed: what the server says then, nothing where the method says nothing. */
  resume(): Buffer;
}

export const noSuchName = (username: string): string => `there is no password for \`${username}\``;
export const wrongPassword = (username: string): string => `the password of \`${username}\` is wrong`;
export const notForMschap = (username: string): string =>
  `\`${username}\` may not use MS-CHAPv2: it has no hash for it`;

/** A text that a stranger sent, for people: printable, and not without end. */
export function readName(bytes: Buffer): string {
  const text = bytes.toString('utf8');
  return text.length > 253 || /[\p{Cc}\uFFFD]/u.test(text) ? '' : text;
}
