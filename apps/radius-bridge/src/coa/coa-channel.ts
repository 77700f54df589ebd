/** A connection to a client, over which requests go instead of datagrams. Nothing is lost on it, so nothing is sent twice. */
export interface CoaChannel {
  /** Identifiers and replies belong to it. */
  readonly name: string;
  /** False: there is no connection now. */
  readonly send: (packet: Buffer) => boolean;
  /** A request that was sent got no answer in time. */
  readonly unanswered: () => void;
}
