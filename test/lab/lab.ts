/* Started by run.ts inside the sandbox; its only argument is the settings as JSON. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Cordon } from './cordon.ts';
import { collectEvidence } from './evidence.ts';
import { Firewall } from './firewall.ts';
import { devicesOf, serve, startAddressing, type Device } from './hosts.ts';
import { firewallLogGroup, nasPlans } from './plan.ts';
import { PolicyRepository, type LabSegment } from './policy.ts';
import { Daemons, run } from './process.ts';
import { Report } from './report.ts';
import { scenes } from './scenes/index.ts';
import { LabSwitch } from './switch.ts';
import { buildTopology } from './topology.ts';

interface Settings {
  readonly folder: string;
  readonly policies: string;
  readonly scenes: readonly string[];
  readonly keep: boolean;
  /** How many times scene 17 measures a merge. */
  readonly merges: number;
}

/** Everything that a scene may touch. */
export interface Lab {
  readonly folder: string;
  readonly report: Report;
  readonly daemons: Daemons;
  readonly policy: PolicyRepository;
  readonly segments: readonly LabSegment[];
  readonly switch: LabSwitch;
  readonly firewall: Firewall;
  readonly devices: Readonly<Record<string, Device>>;
  readonly cordon: Cordon;
  readonly merges: number;
}

async function build(settings: Settings, report: Report, daemons: Daemons): Promise<Lab> {
  const { folder } = settings;
  await run(['mount', '-t', 'tmpfs', 'netns', '/run/netns']);
  const policy = await PolicyRepository.create(settings.policies, join(folder, 'policy'), nasPlans);
  const segments = policy.segments();
  await buildTopology(segments, policy.serverAddresses());
  const labSwitch = new LabSwitch(folder, daemons);
  const devices = devicesOf(folder, daemons);
  const ports = policy.ports();
  await Promise.all([
    labSwitch.start(segments),
    startAddressing(folder, daemons, segments),
    ...['srv', ...devices.map((device) => device.name)].map((name) => serve(daemons, name, ports)),
  ]);
  await labSwitch.startAgents(segments);
  for (const device of devices) device.start();
  return {
    folder,
    report,
    daemons,
    policy,
    segments,
    switch: labSwitch,
    firewall: await Firewall.watch(daemons, firewallLogGroup),
    devices: Object.fromEntries(devices.map((device) => [device.name, device])),
    cordon: new Cordon(folder, daemons, policy.folder),
    merges: settings.merges,
  };
}

async function play(settings: Settings, report: Report, daemons: Daemons): Promise<void> {
  const lab = await build(settings, report, daemons);
  report.note(`built in ${Math.round(performance.now())} ms`);
  for (const [number, scene] of scenes) {
    if (settings.scenes.length > 0 && !settings.scenes.includes(number)) continue;
    try {
      await scene(lab);
    } catch (error) {
      report.check(`scene ${number} ran to its end`, false, error instanceof Error ? error.message : String(error));
    }
    if (report.sceneFailed) await collectEvidence(lab, number);
  }
}

const settings = JSON.parse(process.argv[2] ?? '') as Settings;
const logs = join(settings.folder, 'logs');
mkdirSync(logs);
const daemons = new Daemons(logs);
const report = new Report();
// Without its parent or on Ctrl-C the lab ends at once, and the kernel clears up.
process.stdin.resume().once('end', () => process.exit(1));
let exitCode = 1;
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(exitCode));
try {
  await play(settings, report, daemons);
} catch (error) {
  report.check('the lab could be built', false, error instanceof Error ? error.stack : String(error));
}
exitCode = report.finish(performance.now() / 1000) ? 0 : 1;
if (settings.keep) {
  console.log(`kept: logs are in ${logs}; Ctrl-C ends it`);
  await new Promise(() => undefined);
}
await daemons.stopAll();
process.exit(exitCode);
