import { describe, expect, it } from 'vitest';
import type { HourlyFlow } from '../flows/hourly-flow.js';
import type { LiveSession } from '../sessions/live-sessions.js';
import { SeenIntake } from './seen-intake.js';

const header = 'first,last,source,destination,protocol,port,packets,connections,answered';
const row = (source: string, change: Readonly<Record<string, string>> = {}): string => {
  const fields = { first: '2026-05-04T10:20:00Z', last: '2026-05-04T10:20:02Z', answered: 'yes', ...change };
  return `${fields.first},${fields.last},${source},10.10.4.20,6,443,8,3,${fields.answered}`;
};
const session = (id: string, address: string, role: string | null, updatedAt: string): LiveSession =>
  ({ id, addresses: [address], role, updatedAt }) as unknown as LiveSession;

function intakeOf(sessions: readonly LiveSession[] = []) {
  const added: [string, readonly HourlyFlow[]][] = [];
  const time = { now: new Date('2026-05-04T12:00:00Z') };
  const store = {
    add: (exporter: string, flows: readonly HourlyFlow[]) => {
      added.push([exporter, flows]);
      return Promise.resolve();
    },
  };
  const intake = new SeenIntake(store, { all: () => Promise.resolve(sessions) }, { now: () => time.now });
  return { intake, added, time };
}

describe('SeenIntake', () => {
  it('takes connections with the role that their source has, of two sessions that of the newer', async () => {
    const sessions = [
      session('a', '10.21.0.1', 'infusion-pump', '2026-05-04T09:00:00.000Z'),
      session('b', '10.21.0.1', 'quarantined', '2026-05-04T10:00:00.000Z'),
      session('c', '10.21.0.2', null, '2026-05-04T10:00:00.000Z'),
    ];
    const { intake, added } = intakeOf(sessions);
    const text = [header, row('10.21.0.1'), row('10.21.0.2', { answered: '' }), 'broken'].join('\n');
    expect(await intake.take('core', text)).toEqual({ taken: 6, ignored: 0, malformed: 1 });
    expect(added).toMatchObject([
      [
        'core',
        [
          { role: 'quarantined', answered: 'yes', connections: 3, destination: '10.10.4.20', port: 443 },
          { role: '', answered: 'unknown', sources: [{ address: '10.21.0.2', connections: 3 }] },
        ],
      ],
    ]);
  });

  it('takes nothing of the future', async () => {
    const { intake, added, time } = intakeOf();
    const [first, last] = ['2026-05-04T11:59:00Z', '2026-05-05T00:00:00Z'];
    await intake.take(
      'core',
      [header, row('10.21.0.1', { first, last }), row('10.21.0.2', { first: last, last })].join('\n'),
    );
    const now = time.now.toISOString();
    expect(added[0]![1]).toMatchObject([
      { at: '2026-05-04T11:00:00.000Z', firstAt: '2026-05-04T11:59:00.000Z', lastAt: now },
      { at: '2026-05-04T12:00:00.000Z', firstAt: now, lastAt: now },
    ]);
  });

  it('refuses what is no format of flows, what is too large, and what comes too fast, and takes nothing of it', async () => {
    const { intake, added, time } = intakeOf();
    expect(await intake.take('core', '\n')).toEqual({ taken: 0, ignored: 0, malformed: 0 });
    await expect(intake.take('core', 'what is this')).rejects.toMatchObject({ code: 'unprocessable' });
    const much = ' '.repeat(1024 * 1024);
    await expect(intake.take('core', `${much} `)).rejects.toMatchObject({ code: 'too-large' });
    for (let i = 0; i < 31; i++) await intake.take('core', much);
    await expect(intake.take('core', much)).rejects.toMatchObject({ code: 'too-many' });
    await intake.take('other', much);
    time.now = new Date(time.now.getTime() + 2000);
    await intake.take('core', much);
    expect(added).toEqual([]);
  });
});
