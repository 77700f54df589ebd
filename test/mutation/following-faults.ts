import type { Fault } from './fault.ts';

/* What follows changes one by one, instead of working out everything anew. */

const members = 'apps/controller/src/enforcement/site-members.ts';
const codec = 'apps/controller/src/enforcement/goal-codec.ts';
const addresses = 'libs/net/src/address-map.ts';
const database = 'apps/controller/src/store/database.ts';
const sessions = 'apps/controller/src/sessions/live-sessions.ts';
const enforcement = ['apps/controller/src/enforcement/enforcement.spec.ts'];
const goals = ['apps/controller/src/enforcement/goal-codec.spec.ts'];
const maps = ['libs/net/src/address-map.spec.ts'];

export const followingFaults: readonly Fault[] = [
  {
    name: 'a session that is gone keeps its address',
    file: members,
    find: 'if (count < this.known.size) this.forgetOthers(sessions, touched);',
    replace: '',
    caughtBy: enforcement,
  },
  {
    name: 'the first session that claims an address has it for ever',
    file: members,
    find: 'if (!holder || isNewer(claim.session, holder.session)) holder = claim;',
    replace: 'holder ??= claim;',
    caughtBy: enforcement,
  },
  {
    name: 'a device that another policy gives the same role stays under the old one',
    file: members,
    find: 'before?.role === after?.role && before?.snapshot === after?.snapshot',
    replace: 'before?.role === after?.role',
    caughtBy: enforcement,
  },
  {
    name: 'a set that was handed out changes afterwards',
    file: members,
    find: 'remembered(this.copies, name, () => new Set(this.before.get(name)))',
    replace: 'remembered(this.copies, name, () => (this.before.get(name) ?? new Set()) as Set<string>)',
    caughtBy: enforcement,
  },
  {
    name: 'what a device was as before stays, when connections are judged',
    file: members,
    find: '      roles.delete(address);\n',
    replace: '',
    caughtBy: enforcement,
  },
  {
    name: 'a set that is gone stays at the point',
    file: codec,
    find: 'gone: [...membership.keys()].filter((name) => !state.membership.has(name))',
    replace: 'gone: []',
    caughtBy: goals,
  },
  {
    name: 'ports that changed are not sent',
    file: codec,
    find: 'ports: state.ports === ports ? null : state.ports',
    replace: 'ports: null',
    caughtBy: goals,
  },
  {
    name: 'an address that was deleted hides those behind it',
    file: addresses,
    find: '    this.slots[slot] = deleted;\n',
    replace: '    this.slots[slot] = 0;\n',
    caughtBy: maps,
  },
  {
    name: 'a copy of a map is the map',
    file: addresses,
    find: 'from ? from.slots.slice() :',
    replace: 'from ? from.slots :',
    caughtBy: maps,
  },
  {
    name: 'everybody waits until bulk may begin',
    file: database,
    find: "if (isPatient && this.bulkTurn !== 'come') return this.askForBulk();",
    replace: '',
    caughtBy: ['apps/controller/src/store/database.spec.ts'],
  },
  {
    name: 'a firewall does not hear of a quarantine before its next look',
    file: sessions,
    find: '      this.changedSites.add(entry.live.site);\n',
    replace: '',
    caughtBy: ['apps/controller/src/sessions/live-sessions.spec.ts'],
  },
];
