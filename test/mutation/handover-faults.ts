import type { Fault } from './fault.ts';

/* A switch that goes from one bridge to another. */

const elsewhere = 'apps/radius-bridge/src/sessions/sessions-elsewhere.ts';
const controller = 'apps/controller/src/bridge/handovers.ts';
const bridge = ['apps/radius-bridge/src/sessions/sessions-elsewhere.spec.ts'];
const stored = ['apps/controller/src/bridge/handovers.spec.ts'];
const table = ['apps/radius-bridge/src/sessions/session-table.spec.ts'];

export const handoverFaults: readonly Fault[] = [
  {
    name: 'the bridge that heard first keeps its session',
    file: elsewhere,
    find: "else if (ours.state === 'open' && isSuccessor(theirs, ours)) {",
    replace: "else if (ours.state === 'closed' && isSuccessor(theirs, ours)) {",
    caughtBy: bridge,
  },
  {
    name: 'the addresses of a session stay behind at the other bridge',
    file: elsewhere,
    find: 'const valid = theirs.addresses.filter(',
    replace: 'const valid = ours.addresses.filter(',
    caughtBy: bridge,
  },
  {
    name: 'addresses that were known here first win over those that the other bridge heard of later',
    file: elsewhere,
    find: 'const [first, then] = isNewer ?',
    replace: 'const [first, then] = isNewer && ours.addresses.length === 0 ?',
    caughtBy: bridge,
  },
  {
    name: 'what the other bridge told the switch counts, whoever told it last',
    file: elsewhere,
    find: 'theirs.told !== null && isLater(theirs.toldAt, tracked.toldAt) ?',
    replace: 'theirs.told !== null ?',
    caughtBy: bridge,
  },
  {
    name: 'what the other bridge told the switch is not known here',
    file: elsewhere,
    find: 'theirs.told !== null && isLater(theirs.toldAt, tracked.toldAt) ?',
    replace: 'ours.told !== null && isLater(theirs.toldAt, tracked.toldAt) ?',
    caughtBy: bridge,
  },
  {
    name: 'two sessions of a device by one switch are one, whatever the port',
    file: elsewhere,
    find: "if (ours.nasPort !== theirs.nasPort) return 'none';",
    replace: '',
    caughtBy: bridge,
  },
  {
    name: 'the controller believes the bridge that heard first',
    file: controller,
    find: '&& lastHeard(session) > lastHeard(other)',
    replace: '&& lastHeard(session) < lastHeard(other)',
    caughtBy: stored,
  },
  {
    name: 'a bridge that was away never hears of open sessions at others',
    file: controller,
    find: "WHERE e.state = 'open' AND e.bridge <> ?1",
    replace: "WHERE e.state = 'open' AND e.bridge = ?1",
    caughtBy: stored,
  },
  {
    name: 'a bridge that was away never hears that its session went on elsewhere',
    file: controller,
    find: 'JOIN session e ON e.id = m.successor WHERE m.bridge = ?1',
    replace: 'JOIN session e ON e.id = m.successor WHERE m.bridge <> ?1',
    caughtBy: stored,
  },
  {
    name: 'an end that another bridge took over is not seen where sessions are kept in memory',
    file: 'apps/controller/src/sessions/live-sessions.ts',
    find: "before.session.revision >= session.revision && session.state === 'open'",
    replace: "before.session.revision >= session.revision && session.state !== 'open'",
    caughtBy: stored,
  },
  {
    name: 'a session that began at another bridge leaves the one before it on the port',
    file: 'apps/radius-bridge/src/sessions/session-table.ts',
    find: 'if (isAnother(one.acctSessionId, acctSessionId)) this.close(',
    replace: 'if (one.acctSessionId === acctSessionId) this.close(',
    caughtBy: table,
  },
];
