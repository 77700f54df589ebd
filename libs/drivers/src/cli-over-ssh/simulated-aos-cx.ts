import { formatAddress, LineWords, NotUnderstood, parseArubaCxAce, type Family } from '#net';
import { copyOf, type SimulatedTerminal, type Tongue } from './simulated.js';

const familyOf = (head: string): Family => (head.startsWith('access-list ip ') ? 4 : 6);

/** AOS-CX 10.06, as its guides have it. It colours its prompts, as terminals let it. */
export const aosCxTongue: Tongue = {
  banner: '\n(C) Copyright 2020 Hewlett Packard Enterprise Development LP\n\n\u001b[?2004h',
  modes: {
    exec: () => '# ',
    config: () => '(config)# ',
    list: () => '(config-acl-ip)# ',
  },
  unknown: (command) => `Invalid input: ${command.split(' ')[0]}`,
  execute(command, terminal) {
    if (terminal.mode === 'exec') return executeFirst(command, terminal);
    if (/^access-list (?:ip|ipv6) [A-Za-z][\w.-]*$/.test(command)) return terminal.go('list', command);
    if (/^no access-list (?:ip|ipv6) \S+$/.test(command)) {
      terminal.go('config');
      return terminal.device.lists.delete(command.slice(3)) ? '' : 'Invalid input: the access list does not exist';
    }
    return terminal.mode === 'list' ? editEntry(command, terminal) : null;
  },
};

function executeFirst(command: string, terminal: SimulatedTerminal): string | null {
  const { device, user } = terminal;
  const minutes = /^checkpoint auto (\d{1,2})$/.exec(command)?.[1];
  if (minutes !== undefined) {
    if (device.pending) return 'Failed: auto checkpoint mode is on already';
    device.beginChange(user, Number(minutes));
    return `Auto checkpoint mode expires in ${minutes} minute(s)\nWARNING  Please "checkpoint auto confirm" within ${minutes} minutes`;
  }
  const erased = /^erase checkpoint (\w+)$/.exec(command)?.[1];
  if (erased !== undefined) return device.checkpoints.delete(erased) ? '' : 'Failed: no such checkpoint';
  switch (command) {
    case 'no page':
      return '';
    case 'configure terminal':
      return terminal.go('config');
    case 'show access-list commands':
      return [...device.lists]
        .flatMap(([head, entries]) => [head, ...[...entries].map(([number, ace]) => `    ${number} ${ace}`)])
        .join('\n');
    case 'checkpoint auto confirm': {
      if (!device.pending) return 'Failed: auto checkpoint mode is not on';
      const name = `AUTO20261130${String(140_000 + device.checkpoints.size)}`;
      device.checkpoints.add(name);
      device.keepChange();
      return `checkpoint ${name} created`;
    }
    case 'write memory':
      device.saved = copyOf(device.lists);
      return 'Copying configuration: [Success]';
    default:
      return null;
  }
}

function editEntry(command: string, terminal: SimulatedTerminal): string | null {
  const family = familyOf(terminal.head);
  const gone = /^no (\d+)$/.exec(command)?.[1];
  if (gone !== undefined) return terminal.entries.delete(Number(gone)) ? '' : 'Invalid input: the entry does not exist';
  const [, number, ace] = /^(\d+) (.*)$/.exec(command) ?? [];
  if (number === undefined || ace === undefined || !isAce(ace, family)) return null;
  terminal.setEntry(Number(number), show(ace, family));
  return '';
}

function isAce(ace: string, family: Family): boolean {
  try {
    const words = new LineWords({ at: 1, text: ace.replace(/ dscp \S+$/, '') });
    parseArubaCxAce(words, family, words.permits('permit', 'deny'));
    return true;
  } catch (fault) {
    if (fault instanceof NotUnderstood) return false;
    throw fault;
  }
}

/** As the switch writes what it was told: masks of IPv4, and names for two types of ICMP. */
function show(ace: string, family: Family): string {
  const masked = ace.replaceAll(/(\d+\.\d+\.\d+\.\d+)\/(\d{1,2})(?![.\d])/g, (_, address: string, length: string) => {
    const value = 0xffff_ffffn - ((1n << BigInt(32 - Number(length))) - 1n);
    return `${address}/${formatAddress({ family: 4, value })}`;
  });
  return masked.replace(family === 4 ? /icmp-type 8$/ : /icmp-type 128$/, 'icmp-type echo');
}
