import type { Outcome } from '../bench-case.ts';
import { median } from '../statistics.ts';
import { round, seconds, usageCells, type Part, type PartOptions } from './part.ts';
import { asFastAsCanBe, type Edit } from './policy.ts';
import type { Arrival, RunningEstate } from './running-estate.ts';

/** How long an edit shall take under a limit. */
const limitedSeconds = 20;

const allEdits: readonly Edit[] = ['one class', 'all classes'];
const sessionsOf = ({ size }: RunningEstate, edit: Edit): number => (edit === 'one class' ? size.pumps : size.sessions);

interface Sample extends Arrival {
  readonly cells: Readonly<Record<string, number>>;
}

async function measure(estate: RunningEstate, edit: Edit): Promise<Sample> {
  const meter = estate.meter();
  const arrival = await estate.edit(edit);
  await estate.settled();
  return { ...arrival, cells: usageCells(meter) };
}

const medianCells = (samples: readonly Sample[]): Record<string, number> =>
  Object.fromEntries(
    Object.keys(samples[0]!.cells).map((name) => [name, median(samples.map(({ cells }) => cells[name]!))]),
  );

const over = (samples: readonly Sample[], of: keyof Arrival): number => median(samples.map((sample) => sample[of]));

/** From a commit to the last device and the last firewall that it changes something for, as fast as it goes. */
export const editsPart: Part = {
  name: 'edits',
  targets: [],
  run: async (estate, { rounds, progress }): Promise<Outcome> => {
    const rows: Record<string, Record<string, string | number>> = {};
    const figures: Record<string, number> = {};
    for (const edit of allEdits) {
      const samples: Sample[] = [];
      for (let i = 0; i < rounds; i++) {
        progress(`an edit for ${edit}, round ${i + 1}`);
        samples.push(await measure(estate, edit));
      }
      const lastCoa = over(samples, 'lastCoa');
      rows[`${edit}, ${sessionsOf(estate, edit)} sessions`] = {
        'published s': seconds(over(samples, 'published')),
        'last CoA s': seconds(lastCoa),
        'last firewall s': seconds(over(samples, 'lastFirewall')),
        'sessions/s': round((sessionsOf(estate, edit) / lastCoa) * 1000),
        ...medianCells(samples),
      };
      figures[`${edit}: last CoA, s`] = lastCoa / 1000;
      figures[`${edit}: from published to last CoA, s`] = (lastCoa - over(samples, 'published')) / 1000;
      figures[`${edit}: last firewall, s`] = over(samples, 'lastFirewall') / 1000;
      const { 'controller CPU s': controller = 0, 'bridge CPU s': bridge = 0 } = medianCells(samples);
      figures[`${edit}: CPU, s`] = controller + bridge;
    }
    return { rows, figures, notes: ['firewalls are looked at each 0.1 s; CPU until all is at rest again'] };
  },
};

/** The same under `changesPerSecond` of network/rollout.yaml: does it take as long as the limit says, and no longer? */
export const limitsPart: Part = {
  name: 'limits',
  targets: [
    { figure: 'one class: actual / expected', want: 'at most', limit: 1.2 },
    { figure: 'all classes: actual / expected', want: 'at most', limit: 1.2 },
  ],
  run: async (estate, { progress }: PartOptions): Promise<Outcome> => {
    const rows: Record<string, Record<string, string | number>> = {};
    const figures: Record<string, number> = {};
    for (const edit of allEdits) {
      const perSecond = Math.ceil(sessionsOf(estate, edit) / limitedSeconds);
      await estate.setRollout({ changesPerSecond: perSecond, isStaged: false });
      progress(`an edit for ${edit}, at most ${perSecond} sessions a second`);
      const sample = await measure(estate, edit);
      // A second's worth is saved up before.
      const expected = sessionsOf(estate, edit) / perSecond - 1;
      const took = (sample.lastCoa - sample.published) / 1000;
      rows[edit] = {
        'at most /s': perSecond,
        'expected s': round(expected, 1),
        'from published to last CoA s': round(took, 2),
        'actual / expected': round(took / expected, 2),
        'last firewall s': seconds(sample.lastFirewall),
        ...sample.cells,
      };
      figures[`${edit}: actual / expected`] = took / expected;
    }
    await estate.setRollout(asFastAsCanBe);
    return { rows, figures, notes: ['one round: the limit, not the machine, says how long it takes'] };
  },
};
