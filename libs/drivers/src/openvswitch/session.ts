import type { Connection } from '#model';
import { RemoteFault, type ChangePlan, type EnforcementSession, type RuleCounter } from '../driver.js';
import { flowKey, readFlow } from './flow.js';
import type { Layout } from './layout.js';
import { ownFlows, parseArtefact, parseCounters } from './parse.js';
import { changeOf, type LineChange } from './plan.js';
import { formatArtefact } from './render.js';

/** A port of the bridge as the switch's database has it. */
export interface PortRow {
  readonly name: string;
  readonly tag: number | null;
  readonly mode: string | null;
  /** Carries our mark. */
  readonly isOurs: boolean;
}

export interface PortChange {
  /** What it must be still, or nothing of the change happens. */
  readonly before: PortRow;
  readonly after: PortRow;
}

/** One bridge, wherever it is. Rejects with `RemoteFault` or `TerminalFault` only. */
export interface OvsDevice {
  /** All flows of the bridge, without statistics. */
  dumpFlows(): Promise<string>;
  /** Our flows, with statistics. */
  dumpCounters(): Promise<string>;
  /** `add …` and `delete_strict …`, a line each, as `ovs-ofctl add-flows` takes them: all of them or none. */
  changeFlows(bundle: string): Promise<void>;
  listPorts(): Promise<readonly PortRow[]>;
  /** All of them or none, and done only once the switch does it. */
  changePorts(changes: readonly PortChange[]): Promise<void>;
  close(): Promise<void>;
}

/** Remembers what an unconfirmed change replaced. Does not decide when to roll back (libs/reconcile does). */
export class OpenvswitchSession implements EnforcementSession {
  /** What stands there as far as we know: what was read last, when nothing was changed since. */
  private last: { readonly text: string | null } | null = null;
  /** What takes the unconfirmed change back, the latest part first. */
  private wayBack: (() => Promise<void>)[] = [];

  constructor(
    private readonly layout: Layout,
    private readonly device: OvsDevice,
  ) {}

  async read(): Promise<string | null> {
    this.last = null;
    const flows = ownFlows(this.layout, await this.device.dumpFlows());
    const ports = (await this.device.listPorts()).filter(({ isOurs }) => isOurs);
    const text = formatArtefact(flows, new Map(ports.map((port) => [port.name, vlanOf(port)])));
    this.last = { text: text || null };
    return this.last.text;
  }

  async apply(plan: ChangePlan): Promise<void> {
    if (plan.kind === 'none') return;
    // a change of members says itself what it changes
    const before = plan.kind === 'membership' ? '' : await this.before();
    this.wayBack = [];
    this.last = null;
    const { flows, ports } = splitChange(changeOf(plan, before));
    // What is forwarded in a VLAN is decided before anything is put there.
    if (flows.gone.length + flows.fresh.length > 0) await this.changeFlows(flows);
    if (ports.size > 0) await this.changePorts(ports);
  }

  confirm(): Promise<void> {
    this.wayBack = [];
    return Promise.resolve();
  }

  async rollback(): Promise<void> {
    this.last = null;
    for (let step = this.wayBack[0]; step; step = this.wayBack[0]) {
      await step();
      this.wayBack.shift();
    }
  }

  private async changeFlows({ gone, fresh }: LineChange): Promise<void> {
    this.wayBack.unshift(() => this.device.changeFlows(bundleOf({ gone: fresh, fresh: gone })));
    await this.device.changeFlows(bundleOf({ gone, fresh }));
  }

  /**
   * A port that is not in the bridge can't be put anywhere; nobody sends on it either. All others get their VLAN and keep it, and then the
   * missing one is told as a fault, which a later run mends when the port is there.
   */
  private async changePorts(wanted: ReadonlyMap<string, number | null>): Promise<void> {
    const rows = new Map((await this.device.listPorts()).map((row) => [row.name, row]));
    const changes = [...wanted].flatMap(([name, vlan]): PortChange[] => {
      const before = rows.get(name);
      if (!before) return [];
      const after = vlan === null ? { ...before, isOurs: false } : { name, tag: vlan, mode: 'access', isOurs: true };
      return [{ before, after }];
    });
    if (changes.length > 0) {
      const back = changes.map(({ before, after }) => ({ before: after, after: before }));
      this.wayBack.unshift(() => this.device.changePorts(back));
      await this.device.changePorts(changes);
    }
    const missing = [...wanted].filter(([name, vlan]) => vlan !== null && !rows.has(name)).map(([name]) => name);
    if (missing.length === 0) return;
    this.wayBack = [];
    throw new RemoteFault(
      `bridge \`${this.layout.bridge}\` has no port \`${missing.slice(0, 5).join('`, `')}\`, where devices are said to be; everything else is done`,
    );
  }

  /** The plan was made from what was read last. */
  private async before(): Promise<string> {
    return (this.last ? this.last.text : await this.read()) ?? '';
  }

  async counters(): Promise<readonly RuleCounter[]> {
    return parseCounters(await this.device.dumpCounters());
  }

  /** OpenFlow lists no connections, and none needs to be cut: each packet of one is judged by how it was opened. */
  connections(): Promise<readonly Connection[]> {
    return Promise.resolve([]);
  }

  cut(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    return this.device.close();
  }
}

/** 0, which no port of ours can have, for a port with our mark that is no access port of one VLAN. */
const vlanOf = ({ tag, mode }: PortRow): number => (mode === 'access' ? (tag ?? 0) : 0);

/** `ports`: null where we let go of one. */
function splitChange({ gone, fresh }: LineChange): { flows: LineChange; ports: Map<string, number | null> } {
  const isPort = (line: string): boolean => line.startsWith('port ');
  const of = (lines: readonly string[]) =>
    parseArtefact(lines.filter(isPort).join('\n'))?.ports ?? new Map<string, number>();
  const ports = new Map<string, number | null>([...of(gone).keys()].map((name) => [name, null]));
  for (const [name, vlan] of of(fresh)) ports.set(name, vlan);
  const flows = { gone: gone.filter((line) => !isPort(line)), fresh: fresh.filter((line) => !isPort(line)) };
  return { flows, ports };
}

/** First what goes, then what comes: a flow that only changes is both. */
function bundleOf({ gone, fresh }: LineChange): string {
  const lines = [
    ...gone.map((line) => `delete_strict ${flowKey(readFlow(line))}`),
    ...fresh.map((line) => `add ${line}`),
  ];
  return lines.map((line) => `${line}\n`).join('');
}
