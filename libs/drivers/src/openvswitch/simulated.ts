import type { Connection } from '#model';
import { RemoteFault, TerminalFault } from '../driver.js';
import type { PacketVerdict } from '../invariant.js';
import { readActions } from './conditions.js';
import { evaluate, type BridgePacket } from './evaluate.js';
import { flowKey, formatFlow, readFlow, type Flow } from './flow.js';
import { isOurCookie } from './layout.js';
import type { OvsDevice, PortChange, PortRow } from './session.js';
import { readTables, type KnownTables } from './tables.js';

interface Counted {
  readonly flow: Flow;
  packets: number;
  bytes: number;
}

/**
 * A bridge within this process: takes the same bundles, gives the same dumps, and is stricter than Open vSwitch, so that a plan that works by
 * luck fails here: what exists can't be added again, what is not there can't be deleted, what is called must be there, and what asks
 * of a connection must know that there is one. For demonstrations and tests.
 */
export class SimulatedOvs implements OvsDevice {
  private flows = new Map<string, Counted>();
  private ports = new Map<string, PortRow>();
  private known: KnownTables | null = null;
  private readonly opened: Connection[] = [];
  /** While false, every call fails as an unreachable device does. */
  isReachable = true;

  dumpFlows(): Promise<string> {
    return this.answer(() => dump([...this.flows.values()].map(({ flow }) => printFlow(flow, ''))));
  }

  dumpCounters(): Promise<string> {
    return this.answer(() =>
      dump(
        [...this.flows.values()]
          .filter(({ flow }) => isOurCookie(flow.cookie))
          .map(({ flow, packets, bytes }) => printFlow(flow, ` n_packets=${packets}, n_bytes=${bytes},`)),
      ),
    );
  }

  changeFlows(bundle: string): Promise<void> {
    return this.answer(() => {
      const before = new Map(this.flows);
      try {
        for (const line of linesOf(bundle)) this.changeStrictly(line);
        refuseBroken([...this.flows.values()].map(({ flow }) => flow).filter(({ cookie }) => isOurCookie(cookie)));
      } catch (error) {
        this.flows = before;
        throw error;
      } finally {
        this.known = null;
      }
    });
  }

  /** What anybody with ovs-ofctl can do: nothing is refused. */
  tamperFlows(bundle: string): void {
    for (const line of linesOf(bundle)) {
      const [verb, text] = readChange(line);
      if (verb === 'add') this.add(readFlow(text));
      else this.flows.delete(keyOf(text));
    }
    this.known = null;
  }

  listPorts(): Promise<readonly PortRow[]> {
    return this.answer(() => [...this.ports.values()]);
  }

  changePorts(changes: readonly PortChange[]): Promise<void> {
    return this.answer(() => {
      for (const { before } of changes) {
        const now = this.ports.get(before.name) ?? refuse(`no port ${before.name}`);
        if (now.tag !== before.tag || now.mode !== before.mode) refuse(`port ${before.name} is not as it was`);
      }
      for (const { after } of changes) this.setPort(after);
    });
  }

  setPort(row: PortRow): void {
    this.ports.set(row.name, row);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  /** Connections that were let pass, in the order in which they were opened. */
  get connections(): readonly Connection[] {
    return this.opened;
  }

  /** Forwards a packet: judges it, counts it, and remembers the connection that it opens. */
  forward(packet: BridgePacket, bytes = 64): PacketVerdict {
    const ours = [...this.flows.values()].map(({ flow }) => flow).filter(({ cookie }) => isOurCookie(cookie));
    this.known ??= readTables(ours);
    const { verdict, taken, commits } = evaluate(this.known, packet);
    for (const key of taken) {
      const counted = this.flows.get(key)!;
      counted.packets++;
      counted.bytes += bytes;
    }
    const { source, destination, protocol, port, sourcePort = 49_152 } = packet;
    if (commits) this.opened.push({ source, destination, protocol, sourcePort, destinationPort: port });
    return verdict;
  }

  private answer<T>(work: () => T): Promise<T> {
    return new Promise((resolve) => {
      if (!this.isReachable) throw new RemoteFault('the simulated bridge does not answer');
      resolve(work());
    });
  }

  private changeStrictly(line: string): void {
    const [verb, text] = readChange(line);
    if (verb === 'delete_strict') {
      const key = keyOf(text);
      if (!this.flows.delete(key)) refuse(`no flow ${key}`);
      return;
    }
    const flow = readFlow(text);
    if (this.flows.has(flowKey(flow))) refuse(`flow ${flowKey(flow)} exists`);
    this.add(flow);
  }

  private add(flow: Flow): void {
    this.flows.set(flowKey(flow), { flow, packets: 0, bytes: 0 });
  }
}

const linesOf = (text: string): string[] => text.split('\n').filter((line) => line !== '');
const keyOf = (match: string): string => flowKey(readFlow(`${match} actions=drop`));

function readChange(line: string): ['add' | 'delete_strict', string] {
  const [, verb, text = ''] = /^(add|delete_strict) (.*)$/.exec(line) ?? [];
  if (verb !== 'add' && verb !== 'delete_strict') refuse(`no command: ${line}`);
  return [verb, text];
}

/** Of all our flows at the end of a bundle: whatever one names must be there, and one that asks must be able to know. */
function refuseBroken(flows: readonly Flow[]): void {
  let tables: KnownTables;
  try {
    tables = readTables(flows);
  } catch (error) {
    return refuse(String(error));
  }
  for (const flow of flows) {
    for (const action of readActions(flow.actions))
      if ((action.kind === 'resubmit' || action.kind === 'track') && action.table !== 0 && !tables.has(action.table))
        refuse(`nothing is in table ${action.table}, where ${flowKey(flow)} leads`);
    refuseUnmetNeeds(flow);
  }
}

/** ovs-fields(7), "Prerequisites". */
function refuseUnmetNeeds(flow: Flow): void {
  const { fields } = flow;
  const has = (...any: string[]): boolean => any.some((field) => fields.includes(field));
  const need = (pattern: RegExp, isMet: boolean): void => {
    if (!isMet && fields.some((field) => pattern.test(field))) refuse(`a condition can't be known in ${flowKey(flow)}`);
  };
  need(/^nw_(src|dst)=/, has('ip', 'udp'));
  need(/^ipv6_(src|dst)=/, has('ipv6', 'icmp6'));
  need(/^tp_/, has('udp'));
  need(/^icmp_type=/, has('icmp6'));
  need(/^ct_nw_(src|dst)=/, has('ip') && has('ct_state=-inv+trk'));
  need(/^ct_ipv6_/, has('ipv6') && has('ct_state=-inv+trk'));
  need(/^ct_(nw_proto|tp_)/, has('ip', 'ipv6') && has('ct_state=-inv+trk'));
  need(
    /^ct_tp_/,
    fields.some((field) => /^ct_nw_proto=(1|6|17|58|132)$/.test(field)),
  );
  if (flow.actions.some((action) => action.startsWith('ct(')) && !has('ip', 'ipv6'))
    refuse(`only IP can be tracked: ${flowKey(flow)}`);
}

/** As ovs-ofctl prints it: what is usual is left out. */
function printFlow(flow: Flow, statistics: string): string {
  const { cookie, table, actions } = flow;
  const head = `${cookie === '0x0' ? '' : ` cookie=${cookie},`}${statistics}${table === 0 ? '' : ` table=${table},`}`;
  const match = formatFlow(flow)
    .replace(/^cookie=[^,]*,/, '')
    .replace(/,actions=.*$/, '');
  return `${head} ${match.replace(/table=\d+,/, '')} actions=${actions.join(',')}`;
}

const dump = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join('');

/** As with a bundle, nothing had an effect. */
function refuse(why: string): never {
  throw new TerminalFault(`simulated bridge: ${why}`);
}
