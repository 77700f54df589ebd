import { isConsistentEntry, parseArubaCxAce, renderArubaCxAce, type AclEntry } from '#net';
import { RemoteFault } from '../driver.js';
import { mark } from '../lists.js';
import type { Cli, Make } from './make.js';

/**
 * Stands on the switch while a change of ours waits for its confirmation: nothing else there says whose auto checkpoint it is. It is
 * made before the checkpoint, so it outlives a change that is taken back.
 */
export const pendingMark = `${mark}unconfirmed`;

/**
 * Aruba AOS-CX. `checkpoint auto` takes a change back by itself, `checkpoint auto confirm` keeps it.
 *
 * Sources: HPE AOS-CX 10.04 command-line guide 5200-7010 (`checkpoint auto`), 10.06 "ACLs and Classifier Policies Guide" (`access-list ip`,
 * `show access-list commands`; what is shown is what hardware has, with a remark where that is not what was configured). From
 * memory: the first words of refusals, what `write memory` says, that lists of both families may have one name.
 */
export const aosCx: Make = {
  name: 'aos-cx',
  longestName: 64,

  listName: (name) => name,
  policyName: ({ name }) => name,
  head: ({ family, name }) => `access-list ${family === 4 ? 'ip' : 'ipv6'} ${name}`,
  entryLine: (_, number, ace) => `    ${number} ${ace}`,
  removal: (_, number) => `    no ${number}`,
  renderEntry: (entry) => renderArubaCxAce(entry).map((match) => `${entry.action} ${match}`),
  missingWords,

  readHead(line) {
    const [, type, name] = /^access-list (ip|ipv6) (\S+)$/.exec(line) ?? [];
    if (name === undefined || name === pendingMark) return null;
    return { family: type === 'ip' ? 4 : 6, name };
  },
  readNote(line) {
    const [, type, name = ''] =
      /^! access-list (ip|ipv6) (\S+) user configuration (?:does not match|currently being)/.exec(line) ?? [];
    return type === undefined ? null : { family: type === 'ip' ? 4 : 6, name };
  },
  readAce: (words, family) => parseArubaCxAce(words, family, words.permits('permit', 'deny')),

  preparation: ['no page'],
  showLists: 'show access-list commands',
  notices: [/^WARNING\s+Please "checkpoint auto confirm" within/, /^Auto checkpoint mode expires in/],
  refusal:
    /^\s*(?:%|Invalid input|Error|Failed|Failure|Operation (?:failed|not allowed)|Command (?:failed|incomplete))/im,
  async isPending(cli) {
    return (await cli.ask(aosCx.showLists)).split(/\r?\n/).includes(`access-list ip ${pendingMark}`);
  },
  async begin(cli, minutes) {
    await cli.configure('configure terminal');
    await cli.enter(`access-list ip ${pendingMark}`);
    await cli.enter('    10 deny any any any');
    const answer = await cli.try(`checkpoint auto ${minutes}`);
    await cli.configure('configure terminal');
    if (/Auto checkpoint mode expires in/.test(answer)) return;
    // somebody else's checkpoint is on: with our mark beside it, the next session would take it for ours
    await cli.enter(`no access-list ip ${pendingMark}`);
    throw new RemoteFault(`the switch begins no change that it would take back: ${answer.trim().slice(0, 400)}`);
  },
  async confirm(cli) {
    const answer = await cli.try('checkpoint auto confirm');
    const name = /checkpoint (AUTO\d+) created/i.exec(answer)?.[1];
    if (name === undefined)
      throw new RemoteFault(`the switch has taken the change back: ${answer.trim().slice(0, 400)}`);
    await forget(cli, name);
  },
  async settle(cli) {
    const answer = await cli.try('checkpoint auto confirm');
    await forget(cli, /checkpoint (AUTO\d+) created/i.exec(answer)?.[1]);
  },
  async save(cli) {
    await cli.ask('write memory');
  },
};

/** What was kept of the change beside the change itself. A checkpoint that can't be erased does no harm but by its number. */
async function forget(cli: Cli, checkpoint: string | undefined): Promise<void> {
  if (checkpoint !== undefined) await cli.try(`erase checkpoint ${checkpoint}`);
  await cli.configure('configure terminal');
  await cli.enter(`no access-list ip ${pendingMark}`);
}

function missingWords(entry: AclEntry): string | null {
  if (!isConsistentEntry(entry)) return 'its conditions do not fit together';
  // no document says whether 0 is a number like others there, or every protocol
  return entry.protocol === 0 ? 'protocol 0 may be every protocol there' : null;
}
