/** Where a packet came from. */
export interface Source {
  /** As the socket gives it. */
  readonly address: string;
  readonly port: number;
  /** The socket or the connection that received it; a request is a duplicate only there (RFC 5080 §2.2.2). */
  readonly via?: number;
  /** The TLS connection that it came over; missing: it came by UDP. */
  readonly connection?: SecureConnection;
}

/** A connection whose certificate was judged good. */
export interface SecureConnection {
  /** The client that the certificate names. */
  readonly nas: string;
  /** What can't be a packet of that client ends its connection (RFC 6613 §2.6.4). */
  readonly end: (reason: string) => void;
}

/** One packet of the client, by whatever transport. Answers by calling `send`, at once, later or never. */
export type PacketHandler = (packet: Buffer, source: Source, send: (reply: Buffer) => void) => void;

let received = 0;

/** A number for a socket or a connection, never used again. */
export const nextVia = (): number => ++received;
