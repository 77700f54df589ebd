import { ciscoAcl } from '../cisco-acl/index.js';
import type { Configuration, SwitchMake, Wanted } from './configuration.js';
import { accessPorts, block, set, type Setting } from './setting.js';

const group = 'CORDON';
const critical = 'CORDON-CRITICAL';
const voice = 'CORDON-CRITICAL-VOICE';
const policy = 'policy-map type control subscriber CORDON-ACCESS';
const template = 'template CORDON-ACCESS';
const classMap = (match: string, name: string): string => `class-map type control subscriber ${match} ${name}`;
const down = { fresh: 'CORDON-DOWN-NEW', known: 'CORDON-DOWN-KNOWN' } as const;

/**
 * Catalyst with IOS XE and policies of IBNS 2.0 (`access-session`): only they give a newcomer an access list beside its VLAN. The
 * template is for `source template` on each access port.
 *
 * Sources: Cisco, Identity-Based Networking Services Command Reference (service templates, control policies, `pause reauthentication`);
 * Security Configuration Guide, "RADIUS Server Load Balancing" (dead criteria, automate-tester); running-configs that were published (two
 * `access-group` lines in a service template, one for each family). Not tried on the hardware by us.
 */
export const ciscoIosXe: SwitchMake = {
  extension: 'cfg',
  layout: { indent: 1, inline: null },
  target: ciscoAcl,
  configure(wanted: Wanted): Configuration {
    const { segment } = wanted.serverDown;
    const list = `CORDON-${segment}`;
    const settings = [
      ...servers(wanted),
      ...general,
      ...templates(wanted, list),
      ...classes(wanted),
      ...events(wanted),
      ...port,
    ];
    return { list, before: [], after: settings, closed: ownBlocks(settings) };
  },
  listNames: (name) => [name, `${name}-V6`],
  listText: (text) => text,
  isAccessPort: ({ text, children }) =>
    text.startsWith('interface ') && children.some((line) => line.text === `source ${template}`),
};

function servers({ serverDown: { servers: list, timeout, tries, deadTime, probe }, secret }: Wanted): Setting[] {
  const named = list.map((server) => ({ ...server, title: `CORDON-${server.name}` }));
  return [
    ...block([], ['aaa new-model']),
    ...named.flatMap(({ title, address, authPort, acctPort }) =>
      block(
        [`radius server ${title}`],
        [
          set(
            `address ${address.includes(':') ? 'ipv6' : 'ipv4'}`,
            `${address} auth-port ${authPort} acct-port ${acctPort}`,
          ),
          set('timeout', timeout, timeout === 5 ? 'default' : undefined),
          set('retransmit', tries - 1, tries === 4 ? 'default' : undefined),
          ...(probe === null ? [] : [set('automate-tester', `username ${probe} probe-on`)]),
          set('key', secret, 'given'),
        ],
      ),
    ),
    ...block(
      [`aaa group server radius ${group}`],
      [...named.map(({ title }) => `server name ${title}`), set('deadtime', deadTime)],
    ),
    ...block([], [set('radius-server dead-criteria', `time ${timeout * tries} tries ${tries}`)]),
  ];
}

const general: readonly Setting[] = block(
  [],
  [
    `aaa authentication dot1x default group ${group}`,
    `aaa authorization network default group ${group}`,
    `aaa accounting identity default start-stop group ${group}`,
    'dot1x system-auth-control',
    // A supplicant that is let in without its server is told that it is, and asks for an address.
    'dot1x critical eapol',
    // Sessions come back one after the other, not all in the second in which a server does.
    set('authentication critical recovery delay', 1000),
  ],
);

function templates({ serverDown }: Wanted, list: string): Setting[] {
  return [
    ...block(
      [`service-template ${critical}`],
      [set('vlan', serverDown.vlan), `access-group ${list}`, `access-group ${list}-V6`],
    ),
    ...(serverDown.voice ? block([`service-template ${voice}`], ['voice vlan']) : []),
  ];
}

function classes({ serverDown }: Wanted): Setting[] {
  const activated = [critical, ...(serverDown.voice ? [voice] : [])].map(
    (name) => `match activated-service-template ${name}`,
  );
  const isDown = 'match result-type aaa-timeout';
  return [
    ...(serverDown.keepAuthorized
      ? [
          ...block([classMap('match-all', down.fresh)], [isDown, 'match authorization-status unauthorized']),
          ...block([classMap('match-all', down.known)], [isDown, 'match authorization-status authorized']),
        ]
      : block([classMap('match-all', down.fresh)], [isDown])),
    ...block(
      [classMap('match-all', 'CORDON-DOT1X-SILENT')],
      ['match method dot1x', 'match result-type method dot1x agent-not-found'],
    ),
    ...block(
      [classMap('match-all', 'CORDON-DOT1X-REFUSED')],
      ['match method dot1x', 'match result-type method dot1x authoritative'],
    ),
    ...block([classMap('match-any', 'CORDON-IN-CRITICAL')], activated),
    ...block([classMap('match-none', 'CORDON-NOT-IN-CRITICAL')], activated),
  ];
}

function events({ serverDown }: Wanted): Setting[] {
  const on = (event: string, number: number, name: string, actions: readonly string[]): Setting[] =>
    block(
      [policy, `event ${event}`, `${number} class ${name} do-until-failure`],
      actions.map((action, i) => `${10 * (i + 1)} ${action}`),
    );
  const failure = 'authentication-failure match-first';
  const admit = [
    `activate service-template ${critical}`,
    ...(serverDown.voice ? [`activate service-template ${voice}`] : []),
    'authorize',
    'pause reauthentication',
  ];
  const byMac = ['terminate dot1x', 'authenticate using mab priority 20'];
  return [
    ...on('session-started match-all', 10, 'always', ['authenticate using dot1x priority 10']),
    ...on(failure, 10, down.fresh, admit),
    ...(serverDown.keepAuthorized ? on(failure, 20, down.known, ['pause reauthentication', 'authorize']) : []),
    ...on(failure, 30, 'CORDON-DOT1X-SILENT', byMac),
    ...on(failure, 40, 'CORDON-DOT1X-REFUSED', byMac),
    ...on(failure, 50, 'always', ['terminate dot1x', 'terminate mab', 'authentication-restart 60']),
    ...on('agent-found match-all', 10, 'always', ['terminate mab', 'authenticate using dot1x priority 10']),
    ...on('aaa-available match-all', 10, 'CORDON-IN-CRITICAL', ['clear-session']),
    ...on('aaa-available match-all', 20, 'CORDON-NOT-IN-CRITICAL', ['resume reauthentication']),
  ];
}

/** The end of Session-Timeout is a re-authentication, as the reply's Termination-Action says. */
const port: readonly Setting[] = [
  ...block(
    [template],
    [
      'dot1x pae authenticator',
      set('dot1x timeout tx-period', 10),
      'mab',
      'access-session closed',
      'access-session port-control auto',
      'authentication periodic',
      'authentication timer reauthenticate server',
      'service-policy type control subscriber CORDON-ACCESS',
    ],
  ),
  ...block([accessPorts], [`source ${template}`]),
];

const isOwn = (head: string): boolean => /^(service-template|class-map|policy-map|aaa group server radius) /.test(head);

const ownBlocks = (settings: readonly Setting[]): (readonly string[])[] =>
  [...new Set(settings.flatMap(({ at }) => (at[0] !== undefined && isOwn(at[0]) ? at[0] : [])))].map((head) => [head]);
