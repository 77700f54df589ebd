import { remembered, type Clock } from '#base';
import { formatAddress } from '#net';
import { readRecordedFlows, type RecordedFlow } from '#plan';
import type { IntakeAnswer } from '../denied/denial-intake.js';
import { groupFlows } from '../flows/hourly-flow.js';
import { mostBytesAtOnce, mostBytesPerSecond, RateLimit } from '../flows/rate-limit.js';
import { Refusal } from '../http/refusal.js';
import { isNewer, type LiveSession, type LiveSessions } from '../sessions/live-sessions.js';
import type { SeenFlowStore } from './seen-flow-store.js';

/** Of one request. */
const mostBytes = 1024 * 1024;

/**
 * Takes what exporters saw. The role of a device is the one that its port has when this arrives; who has no session has none, which says
 * nothing about what a plan or a proposal makes of it.
 */
export class SeenIntake {
  private readonly limit: RateLimit;

  constructor(
    private readonly store: Pick<SeenFlowStore, 'add'>,
    private readonly sessions: Pick<LiveSessions, 'all'>,
    private readonly clock: Clock,
  ) {
    this.limit = new RateLimit(clock, mostBytesAtOnce, mostBytesPerSecond);
  }

  async take(exporter: string, text: string): Promise<IntakeAnswer> {
    if (text.length > mostBytes) throw new Refusal('too-large', 'send at most 1 MB at once');
    if (!this.limit.take(exporter, text.length))
      throw new Refusal('too-many', `exporter \`${exporter}\` tells more than is taken: send the same again later`);
    if (text.trim() === '') return { taken: 0, ignored: 0, malformed: 0 };
    const read = readRecordedFlows(text, 'the body');
    if (!read.ok) {
      const [first] = read.diagnostics;
      throw new Refusal('unprocessable', first ? `${first.summary}: ${first.hint}` : 'no flows can be read');
    }
    const { flows, ignored, malformed } = read.value;
    const roles = rolesOf(await this.sessions.all());
    const latest = this.clock.now();
    const passed = flows.map((flow) => notAfter(flow, latest));
    await this.store.add(
      exporter,
      groupFlows(passed, (address) => roles.get(formatAddress(address)) ?? null),
    );
    return { taken: flows.reduce((sum, { connections }) => sum + connections, 0), ignored, malformed };
  }
}

/** An exporter whose clock is ahead saw nothing of the future. */
function notAfter(flow: RecordedFlow, latest: Date): RecordedFlow {
  if (flow.last <= latest) return flow;
  return { ...flow, first: flow.first <= latest ? flow.first : latest, last: latest };
}

const known = new WeakMap<readonly LiveSession[], ReadonlyMap<string, string>>();

/** Address → role, of the session heard of last. The list is the same object until something of it changes. */
const rolesOf = (sessions: readonly LiveSession[]): ReadonlyMap<string, string> =>
  remembered(known, sessions, () => {
    const holders = new Map<string, LiveSession>();
    for (const session of sessions)
      for (const address of session.addresses) {
        const other = holders.get(address);
        if (!other || isNewer(session, other)) holders.set(address, session);
      }
    const roles = new Map<string, string>();
    for (const [address, { role }] of holders) if (role !== null) roles.set(address, role);
    return roles;
  });
