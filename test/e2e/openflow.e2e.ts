import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { filterPackets, portTargets, renderProved } from '#artefacts';
import { formatAddress, PacketSpace, type AclEntry, type ConcretePacket, type PacketSet } from '#net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { samplePolicy, sampleSnapshot } from '../../libs/policy/src/spec/sample.js';

/*
 * Whether our reading of flows is Open vSwitch's own: the switch runs in user space with a dummy datapath, so it needs neither
 * kernel module nor privileges, and says what it would do with a packet (ofproto/trace).
 */
const tools = ['ovsdb-server', 'ovs-vswitchd', 'ovs-vsctl', 'ovs-ofctl', 'ovs-appctl', 'ovsdb-tool'];
const schema = '/usr/share/openvswitch/vswitch.ovsschema';
const missing = [
  ...tools.filter((tool) => spawnSync('sh', ['-c', `command -v ${tool}`]).status !== 0),
  ...(existsSync(schema) ? [] : [schema]),
];
if (missing.length > 0) {
  const message = `OpenFlow on Open vSwitch is not tested here: ${missing.join(', ')} missing`;
  if (process.env['CI']) throw new Error(message);
  console.warn(message);
}

class DummySwitch {
  private readonly folder = mkdtempSync(join(tmpdir(), 'cordon-ovs-'));
  private readonly env = {
    ...process.env,
    PATH: `${process.env['PATH']}:/usr/sbin:/sbin`,
    OVS_RUNDIR: this.folder,
    OVS_LOGDIR: this.folder,
    OVS_DBDIR: this.folder,
  };

  start(): void {
    const { folder } = this;
    const database = `unix:${folder}/db.sock`;
    const daemon = ['--detach', '--no-chdir', '-vconsole:off'];
    this.run('ovsdb-tool', 'create', `${folder}/conf.db`, schema);
    this.run(
      'ovsdb-server',
      `${folder}/conf.db`,
      `--remote=punix:${folder}/db.sock`,
      `--pidfile=${folder}/db.pid`,
      ...daemon,
    );
    this.run('ovs-vsctl', `--db=${database}`, '--no-wait', 'init');
    this.run(
      'ovs-vswitchd',
      database,
      '--enable-dummy=override',
      '--disable-system',
      `--pidfile=${folder}/vs.pid`,
      ...daemon,
    );
    const bridge = ['add-br', 'br0', '--', 'set', 'bridge', 'br0', 'datapath_type=dummy', 'fail-mode=secure'];
    const port = (name: string, number: number) => [
      '--',
      'add-port',
      'br0',
      name,
      '--',
      'set',
      'interface',
      name,
      'type=dummy',
      `ofport_request=${number}`,
    ];
    this.run('ovs-vsctl', `--db=${database}`, ...bridge, ...port('p1', 1), ...port('p2', 2));
  }

  load(flows: string): void {
    writeFileSync(`${this.folder}/flows`, flows);
    this.run('ovs-ofctl', '-O', 'OpenFlow15', 'replace-flows', `unix:${this.folder}/br0.mgmt`, `${this.folder}/flows`);
  }

  dump(): string {
    return this.run('ovs-ofctl', '-O', 'OpenFlow15', 'dump-flows', `unix:${this.folder}/br0.mgmt`);
  }

  passes(packet: ConcretePacket): boolean {
    const control = `${this.folder}/ovs-vswitchd.${this.pid('vs')}.ctl`;
    const said = this.run('ovs-appctl', `--target=${control}`, 'ofproto/trace', 'br0', traceOf(packet));
    const actions = /^Datapath actions: (.*)$/m.exec(said)?.[1];
    if (actions === undefined) throw new Error(said);
    return actions !== 'drop';
  }

  stop(): void {
    for (const name of ['vs', 'db']) {
      if (existsSync(`${this.folder}/${name}.pid`)) process.kill(this.pid(name));
    }
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }

  private pid(name: string): number {
    return Number(readFileSync(`${this.folder}/${name}.pid`, 'utf8'));
  }

  private run(command: string, ...args: string[]): string {
    return execFileSync(command, args, { env: this.env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  }
}

function traceOf({ source, destination, protocol, port, sourcePort, established }: ConcretePacket): string {
  const four = destination.family === 4;
  const name = new Map([
    [6, 'tcp'],
    [17, 'udp'],
    [132, 'sctp'],
  ]).get(protocol);
  const ends = `${four ? 'nw' : 'ipv6'}_src=${formatAddress(source)},${four ? 'nw' : 'ipv6'}_dst=${formatAddress(destination)}`;
  const layers = name
    ? `${name}${four ? '' : '6'},${ends},${name}_src=${sourcePort},${name}_dst=${port}${protocol === 6 ? `,tcp_flags=${established ? 'ack' : 'syn'}` : ''}`
    : protocol === (four ? 1 : 58)
      ? `${four ? 'icmp' : 'icmp6'},${ends},${four ? 'icmp' : 'icmpv6'}_type=${port},${four ? 'icmp' : 'icmpv6'}_code=0`
      : `${four ? 'ip' : 'ipv6'},nw_proto=${protocol},${ends}`;
  return `in_port=1,${layers}`;
}

/** For each part of what is permitted and of what is not: its lowest packet. */
function examples(space: PacketSpace, permitted: PacketSet): ConcretePacket[] {
  return [permitted, space.all.subtract(permitted)].flatMap((set) =>
    set.parts().map(({ sourcePorts, established, ...rest }) => {
      const part = { ...rest, ...(sourcePorts && { sourcePorts }), ...(established !== null && { established }) };
      return space.match(part).witness!;
    }),
  );
}

describe.skipIf(missing.length > 0)('flows on Open vSwitch', () => {
  const openvswitch = new DummySwitch();
  const target = portTargets.get('openflow')!;
  beforeAll(() => openvswitch.start());
  afterAll(() => openvswitch.stop());

  const snapshot = sampleSnapshot(samplePolicy());
  const ordered: AclEntry[] = [
    {
      action: 'deny',
      family: 4,
      protocol: null,
      sourcePorts: null,
      destination: { family: 4, value: 0x0a01_0009n, length: 32 },
      destinationPorts: null,
      established: false,
    },
    {
      action: 'permit',
      family: 4,
      protocol: 6,
      sourcePorts: null,
      destination: { family: 4, value: 0x0a01_0000n, length: 16 },
      destinationPorts: { first: 100, last: 1001 },
      established: false,
    },
    {
      action: 'permit',
      family: 6,
      protocol: 132,
      sourcePorts: { first: 1, last: 6 },
      destination: null,
      destinationPorts: null,
      established: false,
    },
    {
      action: 'permit',
      family: 4,
      protocol: 1,
      sourcePorts: null,
      destination: null,
      destinationPorts: { first: 8, last: 9 },
      established: false,
    },
  ];

  it.each<[string, readonly AclEntry[]]>([
    ['the infusion pump', snapshot.portAcls['infusion-pump']!],
    ['quarantine', snapshot.portAcls['quarantined'] ?? []],
    ['an ordered list with ranges', ordered],
  ])('do what they were proved to do: %s', (_, acl) => {
    const space = new PacketSpace();
    const proved = renderProved(space, target, acl, '');
    if (!proved.ok) throw new Error(proved.diagnostics[0]?.summary);
    openvswitch.load(proved.value.text);
    const permitted = filterPackets(space, proved.value.filter);
    const packets = examples(space, permitted);
    expect(packets.length).toBeGreaterThan(acl.length / 4);
    for (const packet of packets)
      expect({ packet: traceOf(packet), passes: openvswitch.passes(packet) }).toEqual({
        packet: traceOf(packet),
        passes: permitted.has(packet),
      });
  });

  it('read back from the switch mean the same', () => {
    const space = new PacketSpace();
    const acl = snapshot.portAcls['infusion-pump']!;
    const proved = renderProved(space, target, acl, '');
    if (!proved.ok) throw new Error(proved.diagnostics[0]?.summary);
    openvswitch.load(proved.value.text);
    const dumped = target.parse(openvswitch.dump());
    if (!dumped.ok) throw new Error(dumped.diagnostics[0]?.summary);
    expect(filterPackets(space, dumped.value).equals(filterPackets(space, proved.value.filter))).toBe(true);
  });
});
