import { LineWords, NotUnderstood, parseCiscoAce, type Family } from '#net';
import { copyOf, type SimulatedTerminal, type Tongue } from './simulated.js';

const four = 'ip access-list extended ';
const six = 'ipv6 access-list ';
const familyOf = (head: string): Family => (head.startsWith(four) ? 4 : 6);
const nameOf = (head: string): string => head.slice((familyOf(head) === 4 ? four : six).length);
const nothingPending = '%No Rollback Confirmed Change pending';
const entering = 'Enter configuration commands, one per line.  End with CNTL/Z.';

/** Cisco IOS XE 17, as its command references have it. */
export const iosXeTongue: Tongue = {
  banner: '\nUnauthorized access is prohibited. #\n\n',
  modes: {
    exec: () => '#',
    config: () => '(config)#',
    list: (head) => (familyOf(head) === 4 ? '(config-ext-nacl)#' : '(config-ipv6-acl)#'),
  },
  unknown: () => "          ^\n% Invalid input detected at '^' marker.\n",
  execute(command, terminal) {
    const isHead = /^(?:ip access-list extended|ipv6 access-list) [A-Za-z][\w.-]*$/.test(command);
    if (terminal.mode === 'exec') return executeFirst(command, terminal);
    if (isHead) return openList(command, terminal);
    if (/^no (?:ip access-list extended|ipv6 access-list) \S+$/.test(command)) {
      terminal.go('config');
      return terminal.device.lists.delete(command.slice(3)) ? '' : '% Access list does not exist';
    }
    return terminal.mode === 'list' ? editEntry(command, terminal) : null;
  },
};

function executeFirst(command: string, terminal: SimulatedTerminal): string | null {
  const { device, user } = terminal;
  const minutes = /^configure terminal revert timer (\d{1,3})$/.exec(command)?.[1];
  if (minutes !== undefined) {
    if (!device.hasArchive) return '%Turn config archive on before using Rollback Confirmed Change';
    if (device.pending) return '%Rollback Confirmed Change is in progress';
    device.beginChange(user, Number(minutes));
    terminal.go('config');
    return `Rollback Confirmed Change: Backing up current running config to flash:cordon-Nov-30-14-00-00.000-1\n\n${entering}`;
  }
  switch (command) {
    case 'terminal length 0':
    case 'terminal width 0':
      return '';
    case 'configure terminal':
      terminal.go('config');
      return entering;
    case 'show access-lists':
      return [...device.lists].map(([head, entries]) => listing(head, entries)).join('\n');
    case 'show archive config rollback timer':
      return device.pending
        ? `Time configured(or reconfigured): 14:00:00 UTC Mon Nov 30 2026\nTimer type: absolute timer\nTimer value: ${device.pending.minutes} min\nUser: ${device.pending.user}`
        : nothingPending;
    case 'configure confirm':
      if (!device.pending) return nothingPending;
      device.keepChange();
      return '';
    case 'write memory':
      device.saved = copyOf(device.lists);
      return 'Building configuration...\n[OK]';
    default:
      return null;
  }
}

function listing(head: string, entries: ReadonlyMap<number, string>): string {
  const name = nameOf(head);
  const lines =
    familyOf(head) === 4
      ? [...entries].map(([number, ace], i) => `    ${number} ${ace}${i === 0 ? ' (12 matches)' : ''}`)
      : [...entries].map(([number, ace], i) => `    ${ace}${i === 0 ? ' (1 match)' : ''} sequence ${number}`);
  return [`${familyOf(head) === 4 ? 'Extended IP' : 'IPv6'} access list ${name}`, ...lines].join('\n');
}

/** There is one space of names for both families. */
function openList(head: string, terminal: SimulatedTerminal): string {
  const other = `${familyOf(head) === 4 ? six : four}${nameOf(head)}`;
  if (terminal.device.lists.has(other)) return '% A list of this name is there already in the other family';
  terminal.go('list', head);
  return '';
}

function editEntry(command: string, terminal: SimulatedTerminal): string | null {
  const family = familyOf(terminal.head);
  const { entries } = terminal;
  const gone = (family === 4 ? /^no (\d+)$/ : /^no sequence (\d+)$/).exec(command)?.[1];
  if (gone !== undefined) return entries.delete(Number(gone)) ? '' : '% Entry does not exist';
  const [, number, ace] = (family === 4 ? /^(\d+) (.*)$/ : /^sequence (\d+) (.*)$/).exec(command) ?? [];
  if (number === undefined || ace === undefined || !isAce(ace, family)) return null;
  if (entries.has(Number(number))) return '% Duplicate sequence number\n% Failed to add ace to access-list';
  const shown = show(ace, family);
  if (![...entries.values()].includes(shown)) terminal.setEntry(Number(number), shown);
  return '';
}

function isAce(ace: string, family: Family): boolean {
  try {
    parseCiscoAce(new LineWords({ at: 1, text: ace.replace(/ dscp \S+$/, '') }), family);
    return true;
  } catch (fault) {
    if (fault instanceof NotUnderstood) return false;
    throw fault;
  }
}

const ports: Readonly<Record<string, readonly (readonly [string, string])[]>> = {
  tcp: [['80', 'www']],
  udp: [
    ['67', 'bootps'],
    ['68', 'bootpc'],
    ['123', 'ntp'],
  ],
};

/** As the switch writes what it was told: names for numbers, IPv6 in capitals. */
function show(ace: string, family: Family): string {
  const [action = '', protocol = '', ...rest] = ace.split(' ');
  let text = rest.join(' ');
  for (const [number, name] of ports[protocol] ?? [])
    text = text.replaceAll(new RegExp(`\\b(eq|range) ${number}\\b`, 'g'), `$1 ${name}`);
  if (protocol === 'icmp')
    text = text.replace(family === 4 ? / 8$/ : / 128$/, family === 4 ? ' echo' : ' echo-request');
  if (protocol === '50' || protocol === 'esp') return `${action} esp ${text}`;
  return `${action} ${protocol} ${family === 4 ? text : text.replaceAll(/\S*:\S*/g, (address) => address.toUpperCase())}`;
}
