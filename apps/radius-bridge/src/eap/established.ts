import type { Mac } from '#net';
import type { TlsVersion } from './tls-connection.js';

/** What is known of a device once it has proved which one it is. */
export interface EstablishedTls {
  readonly mac: Mac;
  readonly method: 'certificate' | 'password';
  readonly masterSessionKey: Buffer;
  readonly version: TlsVersion;
  readonly resumed: boolean;
  /** By which password; null with a certificate. */
  readonly credential: ProvedCredential | null;
}

/** A password that was proved, without the password. */
export interface ProvedCredential {
  readonly username: string;
  /** Of the stored credential: another digest is another password. */
  readonly digest: string;
}
