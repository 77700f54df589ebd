import { portOf, protocolOf, type Address } from '#net';
import { decideFlow, type FlowVerdict, type Snapshot } from '#policy';

/** One side of an observed connection as one policy sees it. */
export interface JudgedSide {
  /** The class whose rules hold where the device is; null: no device, an address only. */
  readonly role: string | null;
  /** The policy gives the device no access: nothing of it is on the network. */
  readonly rejected: boolean;
  readonly address: Address;
}

const rejected: FlowVerdict = { verdict: 'deny', reason: 'the device is rejected', rules: [] };

/** The one place where observed connections are judged. Callers ask once per distinct pair of sides and service. */
export function judgeConnection(
  snapshot: Snapshot,
  source: JudgedSide,
  destination: JudgedSide,
  service: number,
): FlowVerdict {
  if (source.rejected || destination.rejected) return rejected;
  return decideFlow(snapshot, {
    source: { class: source.role, address: source.address },
    destination: { class: destination.role, address: destination.address },
    protocol: protocolOf(service),
    port: portOf(service),
  });
}
