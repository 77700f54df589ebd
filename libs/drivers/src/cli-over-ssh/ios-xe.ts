import { isConsistentEntry, parseCiscoAce, renderCiscoAces, type AclEntry } from '#net';
import { RemoteFault, TerminalFault } from '../driver.js';
import type { Make } from './make.js';

/** IPv4 and IPv6 lists share their names. */
const suffix6 = '-V6';

/**
 * Cisco IOS XE. There are no transactions: `configure terminal revert timer` takes a change back by itself, `configure confirm`
 * keeps it. It needs a configuration archive.
 *
 * Sources: Cisco IOS XE 17, System Management Configuration Guide, "Configuration Rollback Confirmed Change"; Configuration Fundamentals
 * Command Reference, `show archive config rollback timer`; Security Configuration Guide, "IP Access List Entry Sequence Numbering" (an entry
 * that is there already under another number changes nothing; a number that is taken is refused).
 */
export const iosXe: Make = {
  name: 'ios-xe',
  longestName: 60,

  listName: (name, family) => (family === 4 ? name : `${name}${suffix6}`),
  policyName: ({ family, name }) => (family === 6 && name.endsWith(suffix6) ? name.slice(0, -suffix6.length) : name),
  head: ({ family, name }) => (family === 4 ? `ip access-list extended ${name}` : `ipv6 access-list ${name}`),
  entryLine: (family, number, ace) => (family === 4 ? ` ${number} ${ace}` : ` sequence ${number} ${ace}`),
  removal: (family, number) => (family === 4 ? ` no ${number}` : ` no sequence ${number}`),
  renderEntry: (entry) => renderCiscoAces(entry) ?? [],
  missingWords,

  readHead(line) {
    const four = /^(?:ip access-list extended|Extended IP access list) (\S+)$/.exec(line)?.[1];
    if (four !== undefined) return { family: 4, name: four };
    const six = /^(?:ipv6 access-list|IPv6 access list) (\S+)$/.exec(line)?.[1];
    return six === undefined ? null : { family: 6, name: six };
  },
  readNote: () => null,
  readAce: parseCiscoAce,

  preparation: ['terminal length 0', 'terminal width 0'],
  showLists: 'show access-lists',
  notices: [
    /^Rollback Confirmed Change: (?!.*(?:fail|error))/i,
    /^Enter "configure confirm" if you wish to keep what you've configured$/,
    // what the switch logs, where somebody made it show that on every terminal
    /^[*.]?\w{3} +\d+ [\d:.]+.*: %[A-Z0-9_]+-\d-[A-Z0-9_]+: /,
  ],
  refusal: /^\s*%(?![A-Z0-9_]+-\d-)/m,
  async isPending(cli) {
    const answer = await cli.try('show archive config rollback timer');
    if (/^%\s*No Rollback Confirmed Change pending/im.test(answer)) return false;
    const by = /^User: (\S+)/m.exec(answer)?.[1];
    if (by === undefined)
      throw new TerminalFault(`the switch can't say whether a change waits for its confirmation: ${shown(answer)}`);
    if (by !== cli.user)
      throw new RemoteFault(
        `a change of \`${by}\` on the switch waits for its confirmation: nothing is done meanwhile`,
      );
    return true;
  },
  async begin(cli, minutes) {
    try {
      await cli.configure(`configure terminal revert timer ${minutes}`);
    } catch (fault) {
      if (!(fault instanceof TerminalFault)) throw fault;
      throw new TerminalFault(
        `${fault.message} (a change must be taken back if Cordon fails: configure \`archive\` with \`path flash:cordon\`)`,
      );
    }
  },
  async confirm(cli) {
    const answer = await cli.try('configure confirm');
    if (/^%/m.test(answer)) throw new RemoteFault(`the switch has taken the change back: ${shown(answer)}`);
  },
  async settle(cli) {
    await cli.try('configure confirm');
  },
  async save(cli) {
    const answer = await cli.ask('write memory');
    if (!answer.includes('[OK]')) throw new RemoteFault(`saving the configuration: ${shown(answer)}`);
  },
};

const shown = (answer: string): string => answer.trim().replaceAll(/\s+/g, ' ').slice(0, 400);

function missingWords(entry: AclEntry): string | null {
  if (!isConsistentEntry(entry)) return 'its conditions do not fit together';
  // `permit 0` reads back as `permit ip`
  return entry.protocol === 0 ? 'protocol 0 is every protocol there' : null;
}
