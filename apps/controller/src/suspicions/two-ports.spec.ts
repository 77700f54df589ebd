import { describe, expect, it } from 'vitest';
import type { Session } from '#model';
import { sampleSession } from '../../test/sample-session.js';
import { followContest, type Contest } from './two-ports.js';

const start = Date.parse('2026-05-01T10:00:00.000Z');
const time = (minute: number): string => new Date(start + minute * 60_000).toISOString();

const blank = sampleSession(time(0), { nasPort: null });

/** A network on which one MAC address lives; answers at which minutes it was found on two ports. */
class Network {
  private readonly sessions = new Map<string, Session>();
  private contest: Contest | null = null;
  private count = 0;
  readonly found: number[] = [];

  /** A new session on a port, after the one that may be there. */
  begin(minute: number, port: string, more: Partial<Session> = {}): void {
    const id = `s${++this.count}`;
    this.report(minute, { ...blank, id, nasPort: port, startedAt: time(minute), ...more });
  }

  /** Acct-Input-Octets of the open session on a port. */
  account(minute: number, port: string, inputOctets: number): void {
    this.report(minute, { ...this.openAt(port), inputOctets });
  }

  /** A new answer to MAC authentication, or a change of authorization. */
  refresh(minute: number, port: string): void {
    this.report(minute, { ...this.openAt(port), decisionId: `d${minute}` });
  }

  stop(minute: number, port: string): void {
    this.report(minute, { ...this.openAt(port), state: 'closed', endedAt: time(minute) });
  }

  private openAt(port: string): Session {
    return [...this.sessions.values()].find(({ nasPort, state }) => nasPort === port && state === 'open')!;
  }

  private report(minute: number, changed: Session): void {
    const before = this.sessions.get(changed.id) ?? null;
    const after = { ...changed, updatedAt: time(minute) };
    const others = [...this.sessions.values()].filter(({ id }) => id !== after.id);
    this.sessions.set(after.id, after);
    const { contest, isFound } = followContest(this.contest, { before, after }, others);
    this.contest = contest;
    if (isFound) this.found.push(minute);
  }
}

const after = (happens: (network: Network) => void): number[] => {
  const network = new Network();
  happens(network);
  return network.found;
};

describe('one MAC address on two ports at once', () => {
  it('is found when both sessions go on having traffic', () => {
    const found = after((network) => {
      network.begin(0, 'A');
      network.begin(1, 'B');
      for (let minute = 5; minute <= 30; minute += 5) {
        network.account(minute, 'A', minute);
        network.account(minute, 'B', minute);
      }
    });
    expect(found[0]).toBeLessThanOrEqual(20);
  });

  it('is found when a switch moves it to and fro, and ends the other session each time', () => {
    const found = after((network) => {
      network.begin(0, 'A');
      network.begin(0.1, 'B');
      network.stop(0.1, 'A');
      network.begin(0.2, 'A');
      network.stop(0.2, 'B');
      network.begin(0.3, 'B');
    });
    expect(found).toEqual([0.3]);
  });

  it('is found also when the switch ends the other session first', () => {
    const found = after((network) => {
      network.begin(0, 'A');
      network.stop(0.1, 'A');
      network.begin(0.1, 'B');
      network.stop(0.2, 'B');
      network.begin(0.2, 'A');
      network.stop(0.3, 'A');
      network.begin(0.3, 'B');
    });
    expect(found).toEqual([0.3]);
  });

  it.each<[string, (network: Network) => void]>([
    [
      'a device that moved, and its switch said so',
      (network) => {
        for (const [n, port] of ['A', 'B', 'A', 'B', 'A'].entries()) {
          network.begin(n * 2, port);
          network.stop(n * 2 + 1, port);
        }
      },
    ],
    [
      'a device that moved from behind a telephone, where the switch goes on reporting the session',
      (network) => {
        network.begin(0, 'A');
        network.account(1, 'A', 500);
        network.begin(2, 'B');
        // What it had sent before it went is reported now.
        network.account(3, 'A', 900);
        for (let minute = 5; minute < 60; minute += 5) {
          network.account(minute, 'A', 900);
          network.account(minute, 'B', minute);
        }
      },
    ],
    [
      'a device that was carried away and back, while both sessions stayed open',
      (network) => {
        network.begin(0, 'A');
        network.begin(5, 'B');
        network.begin(10, 'A');
        for (let minute = 15; minute < 60; minute += 5) network.account(minute, 'A', minute);
      },
    ],
    [
      'sessions that are only authenticated again, or told of changes, by turns',
      (network) => {
        network.begin(0, 'A');
        network.begin(1, 'B');
        for (let minute = 2; minute < 60; minute++) network.refresh(minute, minute % 2 ? 'A' : 'B');
      },
    ],
    [
      'a device that roams between access points',
      (network) => {
        for (let minute = 0; minute < 30; minute++) network.begin(minute, minute % 2 ? 'A' : 'B', { isWireless: true });
      },
    ],
    [
      'a device whose bridge does not say what its ports are',
      (network) => {
        for (let minute = 0; minute < 30; minute++) network.begin(minute, minute % 2 ? 'A' : 'B', { isWireless: null });
      },
    ],
    [
      'a device that is carried from port to port to port',
      (network) => {
        for (const [n, port] of ['A', 'B', 'C', 'D', 'E', 'F'].entries()) network.begin(n, port);
      },
    ],
    [
      'a device that comes and goes over days, with sessions that stay open',
      (network) => {
        for (let day = 0; day < 6; day++) network.begin(day * 1440, day % 2 ? 'A' : 'B');
      },
    ],
    [
      'sessions that a bridge finds by accounting after it lost its disk',
      (network) => {
        for (let n = 0; n < 6; n++) network.begin(100 + n, n % 2 ? 'A' : 'B', { startedAt: time(0) });
      },
    ],
  ])('is not %s', (_, happens) => {
    expect(after(happens)).toEqual([]);
  });
});
