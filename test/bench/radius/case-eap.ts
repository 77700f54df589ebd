import type { Outcome } from '../bench-case.ts';
import { median } from '../statistics.ts';
import { benchSnapshot, startCordon } from './cordon-side.ts';
import { eapYaml, issueCredentials, type Credentials, type KeyKind } from './credentials.ts';
import type { EapJob, EapOutcome } from './eap-generator.ts';
import { hasFreeradius, startEap } from './freeradius-side.ts';
import { Generator } from './generator.ts';
import { cpuSeconds } from './process-tree.ts';
import { alternate, macsOf, round, type RadiusCase, type RadiusOptions } from './radius-case.ts';
import { secret, type Side } from './side.ts';
import type { TlsVersion } from './supplicant.ts';

export type EapGenerator = Generator<EapJob, EapOutcome>;
export const eapGenerator = (goes: 'idle' | 'along' = 'along'): EapGenerator => new Generator('eap-generator.ts', goes);

/** Enough that the server has always something to do. */
const inFlight = 8;
const warmUp = 200;
const settleMilliseconds = 1000;
const vlan = '210';

interface Sample extends EapOutcome {
  readonly cpuMilliseconds: number;
}

/** Throws when a conversation did not come to the good end that it should. */
async function measureEap(generator: EapGenerator, side: Side, job: Omit<EapJob, 'port' | 'secret'>): Promise<Sample> {
  const before = cpuSeconds(side.roots);
  const outcome = await generator.run({ port: side.port, secret, ...job });
  await new Promise((resolve) => setTimeout(resolve, settleMilliseconds));
  const cpuMilliseconds = ((cpuSeconds(side.roots) - before) * 1000) / outcome.succeeded;
  if (Object.keys(outcome.problems).length > 0)
    throw new Error(`${side.name}: conversations failed: ${JSON.stringify(outcome.problems)}`);
  if (outcome.vlans.join() !== vlan) throw new Error(`${side.name} told VLAN ${outcome.vlans.join()}`);
  return { ...outcome, cpuMilliseconds };
}

interface Setting {
  readonly kind: KeyKind;
  readonly version: TlsVersion;
  readonly resumes: boolean;
}

const nameOf = ({ kind, version, resumes }: Setting): string =>
  `${kind === 'rsa' ? 'RSA 2048' : 'ECDSA P-256'}, TLS ${version}${resumes ? ', resumed' : ''}`;

const settings: readonly Setting[] = [
  { kind: 'ecdsa', version: '1.2', resumes: false },
  { kind: 'ecdsa', version: '1.3', resumes: false },
  { kind: 'rsa', version: '1.2', resumes: false },
  { kind: 'rsa', version: '1.3', resumes: false },
  { kind: 'ecdsa', version: '1.2', resumes: true },
  { kind: 'ecdsa', version: '1.3', resumes: true },
];

async function startSides(
  { version, resumes }: Setting,
  credentials: Credentials,
  { folder, nodeFlags }: RadiusOptions,
  started: Side[],
): Promise<void> {
  const { server, authority, revocationList, devices } = credentials;
  const snapshot = benchSnapshot(eapYaml(credentials, { versions: [version], resumption: resumes ? 3600 : 0 }));
  started.push(await startCordon({ folder, macs: devices.map(({ mac }) => mac), snapshot, nodeFlags }));
  if (!hasFreeradius()) return;
  started.push(await startEap(folder, { ...server, authority, revocationList, tls: version, resumes }));
}

async function measureSetting(setting: Setting, credentials: Credentials, options: RadiusOptions) {
  const { rounds, isQuick } = options;
  const sides: Side[] = [];
  const generator = eapGenerator();
  const common = { devices: credentials.devices, version: setting.version, inFlight, resumes: setting.resumes };
  try {
    await startSides(setting, credentials, options, sides);
    // The first of each device is a full handshake in any case.
    await alternate(sides, 1, (side) => measureEap(generator, side, { ...common, until: { count: warmUp } }));
    const count = (isQuick ? 150 : 500) * (setting.resumes ? 2 : 1);
    const samples = await alternate(sides, rounds, (side) =>
      measureEap(generator, side, { ...common, until: { count } }),
    );
    return sides.map((side) => ({ name: side.name, samples: samples.get(side)! }));
  } finally {
    generator.close();
    for (const side of sides) await side.close();
  }
}

const cpuRatio = (setting: Setting): string => `CPU per handshake, Cordon : FreeRADIUS, ${nameOf(setting)}`;

/** The same server key and TLS version on both sides; each device shows its certificate. */
export const eapCase: RadiusCase = {
  name: 'EAP-TLS handshakes',
  targets: settings
    .filter(({ resumes }) => !resumes)
    .map((setting) => ({ figure: cpuRatio(setting), want: 'at most', limit: 1.3 })),
  run: async (options): Promise<Outcome> => {
    const rows: Record<string, Record<string, string | number>> = {};
    const figures: Record<string, number> = {};
    const macs = macsOf(inFlight);
    const credentials = {
      ecdsa: issueCredentials(options.folder, 'ecdsa', macs),
      rsa: issueCredentials(options.folder, 'rsa', macs),
    };
    for (const [i, setting] of settings.entries()) {
      options.progress(nameOf(setting));
      const inside = { ...options, folder: `${options.folder}/${i}` };
      const measured = await measureSetting(setting, credentials[setting.kind], inside);
      const cpus = measured.map(({ name, samples }) => {
        const over = (value: (sample: Sample) => number): number => median(samples.map(value));
        const cpu = over(({ cpuMilliseconds }) => cpuMilliseconds);
        rows[`${nameOf(setting)}: ${name}`] = {
          'CPU ms/handshake': round(cpu, 2),
          'handshakes/s': round(over(({ succeeded, seconds }) => succeeded / seconds)),
          'p50 ms': round(
            over(({ p50 }) => p50),
            1,
          ),
          'p99 ms': round(
            over(({ p99 }) => p99),
            1,
          ),
          requests: round(
            over((sample) => sample.rounds),
            1,
          ),
          'resumed %': round(over(({ resumed, succeeded }) => (100 * resumed) / succeeded)),
        };
        figures[`${name}, ${nameOf(setting)}: CPU ms/handshake`] = cpu;
        return cpu;
      });
      const [cordon, peer] = cpus;
      if (cordon !== undefined && peer !== undefined) figures[cpuRatio(setting)] = cordon / peer;
    }
    const notes = ['handshakes/s is mostly the load generator’s, which does as much TLS as the server'];
    return { rows, figures, notes };
  },
};
