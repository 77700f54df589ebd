/*
 * npm run bench [-- --quick] [--json] [--devices N] [--node-flag=FLAG]…
 *
 * Cordon's RADIUS bridge measured beside FreeRADIUS in one run, because figures of different runs on a shared machine can't be compared.
 * See README.md for what is measured and how to read it.
 */
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { benchRadius, maxDevices, type RadiusFigures } from './radius.ts';
import { hasFreeradius } from './servers.ts';
import { load } from './statistics.ts';

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    devices: { type: 'string', default: '1000' },
    'node-flag': { type: 'string', multiple: true, default: [] },
  },
});

const devices = Number(options.devices);
if (!(Number.isInteger(devices) && devices >= 1 && devices <= maxDevices)) {
  throw new Error(`--devices is \`${options.devices}\`: give a number from 1 to ${maxDevices}`);
}

const print = (line: string): void => void process.stdout.write(`${line}\n`);

/** Cordon against FreeRADIUS; above 1: Cordon is better. */
function ratio(figures: readonly RadiusFigures[]): number | null {
  const [cordon, peer] = figures;
  return cordon && peer ? cordon.repliesPerCpuSecond / peer.repliesPerCpuSecond : null;
}

function printRadius(figures: readonly RadiusFigures[]): void {
  print('MAC authentication');
  console.table(
    Object.fromEntries(
      figures.map(({ server, openLoop, ...row }) => [
        server,
        {
          'replies/s': Math.round(row.repliesPerSecond),
          'CPU µs/reply': Math.round(row.cpuMicroseconds * 10) / 10,
          'replies/CPU-s': Math.round(row.repliesPerCpuSecond),
          'p50 ms': Math.round(row.p50 * 100) / 100,
          'p99 ms': Math.round(row.p99 * 100) / 100,
          [`p50 ms at ${openLoop.perSecond}/s`]: Math.round(openLoop.p50 * 100) / 100,
          [`p99 ms at ${openLoop.perSecond}/s`]: Math.round(openLoop.p99 * 100) / 100,
          lost: openLoop.lost,
        },
      ]),
    ),
  );
  const found = ratio(figures);
  if (found === null)
    print('FreeRADIUS is not installed (Debian: apt-get install freeradius): nothing to compare with');
  else
    print(
      `replies per CPU-second, Cordon : FreeRADIUS = ${found.toFixed(2)}; target 1.00: ${found >= 1 ? 'met' : 'missed'}`,
    );
}

const loadBefore = load();
if (!hasFreeradius() && process.env['CI']) {
  throw new Error('freeradius is missing: a comparison without its peer is none (Debian: apt-get install freeradius)');
}
const radius = await benchRadius({
  rounds: options.quick ? 3 : 5,
  count: options.quick ? 10_000 : 30_000,
  devices,
  nodeFlags: options['node-flag'],
});
const machine = { processors: cpus().length, model: cpus()[0]?.model ?? '', loadBefore, loadAfter: load() };
if (options.json) {
  print(JSON.stringify({ machine, node: process.version, radius, ratio: ratio(radius) }, null, 2));
} else {
  print(
    `${machine.processors} × ${machine.model}, load average ${machine.loadBefore} before, ${machine.loadAfter} after`,
  );
  printRadius(radius);
}
