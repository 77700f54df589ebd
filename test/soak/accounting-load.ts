import { codes, integerAttribute, readOctets, types, type Attribute } from '#radius';
import { Asker, type Patience } from '../bench/radius/asker.ts';
import { accountingRequest, addressOf, macRequest } from '../bench/radius/session-starter.ts';
import { userRequest, type LedgerEntry, type Octets } from './ledger.ts';
import { pause } from './pause.ts';

/** As switches have it by default, or nearly. */
const patience: Patience = { transmissions: 5, milliseconds: 2000 };
/** Of each device: with 200 of them, about 100 records a second. */
const betweenRecords = 2000;
const interimRecords = 18;
/** No other devices of the soak are there. */
const firstPort = 6000;
/** Octets per record: the second passes 2^32, so that Acct-Output-Gigawords is needed. */
const growth: Octets = { input: 48_611, output: 900_000_007 };

interface Ports {
  readonly authentication: number;
  readonly accounting: number;
}

const gigaword = 2 ** 32;

/**
 * Sessions of devices that come and go: Access-Request, Start, Interim-Updates with growing octets, Stop. A record that is not
 * acknowledged is sent again with the same bytes, as a switch does; a session whose record stays without an answer is given up.
 */
export class AccountingLoad {
  private readonly ports: Ports;
  private readonly macs: readonly string[];
  private readonly secret: string;
  private readonly askers: Asker[] = [];
  readonly ledger: LedgerEntry[] = [];
  readonly problems: string[] = [];
  records = 0;
  unanswered = 0;

  constructor(ports: Ports, macs: readonly string[], secret: string) {
    this.ports = ports;
    this.macs = macs;
    this.secret = secret;
  }

  get retransmissions(): number {
    return this.askers.reduce((sum, asker) => sum + asker.retransmissions, 0);
  }

  /** Sessions that are open at the end stay so. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all(this.macs.map((mac, n) => this.lane(mac, n, signal)));
  }

  private async lane(mac: string, n: number, signal: AbortSignal): Promise<void> {
    const asker = await Asker.open(this.secret);
    this.askers.push(asker);
    try {
      await pause((betweenRecords * n) / this.macs.length, signal);
      for (let turn = 0; !signal.aborted; turn++) {
        await this.session(asker, mac, firstPort + n, `soak-${n}-${turn}`, signal).catch((error: Error) => {
          this.problems.push(`${mac}: ${error.message}`);
        });
        await pause(betweenRecords, signal);
      }
    } finally {
      asker.close();
    }
  }

  private async session(asker: Asker, mac: string, port: number, id: string, signal: AbortSignal): Promise<void> {
    const accept = await asker.ask(this.ports.authentication, codes.accessRequest, macRequest(mac, port), patience);
    const decision = accept && readOctets(accept.attributes, types.class);
    if (!decision) throw new Error(accept ? `code ${accept.code} instead of an Access-Accept` : 'no Access-Accept');
    const session = { id, decision, address: addressOf(port) };
    const entry: LedgerEntry = { mac, id, sent: { input: 0, output: 0 }, acknowledged: null, stop: 'not sent' };
    this.ledger.push(entry);
    const report = async (status: 'start' | 'interim' | 'stop'): Promise<boolean> => {
      const { sent } = entry;
      if (status !== 'start') entry.sent = { input: sent.input + growth.input, output: sent.output + growth.output };
      const record = accountingRequest(mac, port, session, status);
      const more = status === 'stop' ? [integerAttribute(types.acctTerminateCause, userRequest.code)] : [];
      const attributes = [...record, ...octetsOf(entry.sent), ...more];
      const response = await asker.ask(this.ports.accounting, codes.accountingRequest, attributes, patience);
      this.records++;
      if (!response) {
        this.unanswered++;
        entry.stop = 'uncertain';
        return false;
      }
      entry.acknowledged = entry.sent;
      if (status === 'stop') entry.stop = 'acknowledged';
      return true;
    };
    if (!(await report('start'))) return;
    for (let i = 0; i < interimRecords; i++) {
      await pause(betweenRecords, signal);
      if (signal.aborted || !(await report('interim'))) return;
    }
    await pause(betweenRecords, signal);
    if (!signal.aborted) await report('stop');
  }
}

/** RFC 2869 §5.1, §5.2: the counter has 32 bits, the rest stands apart. */
const octetsOf = ({ input, output }: Octets): Attribute[] => [
  integerAttribute(types.acctInputOctets, input % gigaword),
  integerAttribute(types.acctInputGigawords, Math.floor(input / gigaword)),
  integerAttribute(types.acctOutputOctets, output % gigaword),
  integerAttribute(types.acctOutputGigawords, Math.floor(output / gigaword)),
];
