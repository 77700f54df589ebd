import { constants } from 'node:crypto';
import type { TlsOptions } from 'node:tls';
import type { TlsMethod } from '#radius';
import { tlsVersions } from '../certificates.js';
import type { TlsVersion } from './tls-connection.js';
import type { AuthorityMaterial } from './trust.js';

/** Everything that a worker serves 802.1X with: files are read by the bridge. */
export interface EapMaterial {
  readonly methods: readonly [TlsMethod, ...TlsMethod[]];
  /** PEM: the server's certificate and those between it and its root. */
  readonly certificate: string;
  readonly key: string;
  readonly authorities: readonly AuthorityMaterial[];
  readonly versions: readonly TlsVersion[];
  /** For how long a session may be resumed; 0: never. */
  readonly resumptionSeconds: number;
  /** 48 bytes, the same in every worker, others for other trust: a ticket from before is worth nothing then. */
  readonly ticketKeys: Buffer;
}

/** `ticketKeys`: who has them can resume what was begun with them. */
export function serverOptions(material: EapMaterial, ticketKeys: Buffer): TlsOptions {
  const { certificate, key, versions, resumptionSeconds } = material;
  return {
    cert: certificate,
    key,
    ...tlsVersions(versions),
    sessionIdContext: 'cordon-eap',
    ...(resumptionSeconds > 0
      ? { sessionTimeout: resumptionSeconds, ticketKeys }
      : { secureOptions: constants.SSL_OP_NO_TICKET }),
  };
}
