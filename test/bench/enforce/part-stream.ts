import type { Outcome } from '../bench-case.ts';
import { now } from './clock.ts';
import { siteOfSwitch, switchOf } from './estate.ts';
import { round, seconds, usageCells, type Part } from './part.ts';
import type { RunningEstate } from './running-estate.ts';

const perSecond = 5000;
const longest = 300_000;

/** By site. */
async function expected({ size, switches }: RunningEstate): Promise<Set<string>[]> {
  const sites = Array.from({ length: size.sites }, () => new Set<string>());
  for (const [device, address] of (await switches.ask({ do: 'addresses' })).entries())
    sites[siteOfSwitch(switchOf(device, size), size)]!.add(address);
  return sites;
}

/** Every session has another address, one after the other: through bridge and controller into the firewalls. */
export const streamPart: Part = {
  name: 'stream',
  targets: [
    { figure: 'elements missing or surplus', want: 'at most', limit: 0 },
    { figure: 'last element after the last record, s', want: 'at most', limit: 10 },
  ],
  run: async (estate, { rounds, progress }): Promise<Outcome> => {
    const rows: Record<string, Record<string, string | number>> = {};
    const [lags, cpus, wrongs]: [number[], number[], number[]] = [[], [], []];
    for (let i = 0; i < rounds; i++) {
      // Generations take turns; the first has generation 0 from its start.
      const generation = (i + 1) % 2;
      progress(`${estate.size.sessions} new addresses at ${perSecond}/s, round ${i + 1}`);
      const meter = estate.meter();
      const sent = await estate.switches.ask({ do: 'readdress', perSecond, generation });
      if (sent.unanswered > 0) throw new Error(`${sent.unanswered} records were not acknowledged`);
      const sites = await expected(estate);
      const last = sent.began + sent.sentFor;
      await estate.untilMembers(sites, last + longest);
      const there = now() - last;
      const wrong = await estate.wrongMembers(sites);
      await estate.settled();
      const cells = usageCells(meter);
      if (wrong) {
        lags.push(there / 1000);
        wrongs.push(wrong.missing + wrong.surplus);
      }
      cpus.push(cells['controller CPU s']! + cells['bridge CPU s']!);
      rows[`round ${i + 1}`] = {
        changes: sent.changes,
        'sent /s': round((sent.changes / sent.sentFor) * 1000),
        'last answer s': seconds(sent.lastAt - last),
        'last element s': wrong ? seconds(there) : '?',
        missing: wrong?.missing ?? '?',
        surplus: wrong?.surplus ?? '?',
        ...cells,
      };
    }
    const worst = (values: readonly number[], name: string) =>
      values.length > 0 ? { [name]: Math.max(...values) } : {};
    return {
      rows,
      figures: {
        ...worst(lags, 'last element after the last record, s'),
        ...worst(wrongs, 'elements missing or surplus'),
        'CPU, s': cpus.reduce((sum, one) => sum + one, 0) / cpus.length,
      },
      notes: [
        estate.simulated === null
          ? 'what the firewalls hold is read from the kernel: one after the other until each is right, and all once more'
          : `firewalls are simulated (${estate.simulated}): what they hold is not compared`,
      ],
    };
  },
};
