import { arubaCxPolicy } from '../aruba-cx-policy/index.js';
import type { Configuration, SwitchMake, Wanted } from './configuration.js';
import { accessPorts, block, set, type Setting } from './setting.js';

const group = 'CORDON';
const critical = 'CORDON-CRITICAL';
const voice = 'CORDON-CRITICAL-VOICE';
const portAccess = 'aaa authentication port-access';
/** For how many seconds a device stays in by what the switch remembers of it: a day. */
const remembered = 86_400;

/**
 * AOS-CX: the critical role is a local one, with its own VLAN and port-access policy; who is in stays in by cached re-authentication.
 *
 * Sources: HPE AOS-CX security guides 10.04 (5200-6715, 5200-7007: special roles, `port-access role`, `port-access policy`);
 * configurations of 10.16 and 10.18 that were published (`cached-reauth`, `radius-server tracking`, `critical-voice-role`). Not tried on the
 * hardware by us. From memory: that `retries` counts repetitions, and the defaults of `timeout` and `retries`.
 */
export const arubaCx: SwitchMake = {
  extension: 'cfg',
  layout: {
    indent: 4,
    inline: {
      head: /^radius-server host \S+$/,
      options: ['key', 'timeout', 'port', 'acct-port', 'retries', 'tracking', 'tracking-mode', 'auth-type', 'vrf'],
    },
  },
  target: arubaCxPolicy,
  configure(wanted: Wanted): Configuration {
    const list = `CORDON-${wanted.serverDown.segment}`;
    const roles = rolesOf(wanted, list);
    return {
      list,
      before: [],
      after: [...servers(wanted), ...roles, ...ports(wanted)],
      closed: [...new Set(roles.map(({ at }) => at[0]!))].map((head) => [head]),
    };
  },
  listNames: (name) => [name],
  listText: (text) => text,
  isAccessPort: ({ text, children }) =>
    text.startsWith('interface ') &&
    children.some((line) => line.text.startsWith(`${portAccess} dot1x`) || line.text === `${portAccess} mac-auth`),
};

function servers({ serverDown: { servers: list, timeout, tries, deadTime, probe }, secret }: Wanted): Setting[] {
  return [
    ...list.flatMap(({ address, authPort, acctPort }) =>
      block(
        [`radius-server host ${address}`],
        [
          set('key plaintext', secret, 'given'),
          set('timeout', timeout, timeout === 5 ? 'default' : undefined),
          set('retries', tries - 1, tries === 2 ? 'default' : undefined),
          set('port', authPort, authPort === 1812 ? 'default' : undefined),
          set('acct-port', acctPort, acctPort === 1813 ? 'default' : undefined),
          ...(probe === null ? [] : [set('tracking', 'enable')]),
        ],
      ),
    ),
    ...(probe === null
      ? []
      : block(
          [],
          [set('radius-server tracking user-name', probe), set('radius-server tracking interval', deadTime * 60)],
        )),
    ...block(
      [`aaa group server radius ${group}`],
      list.map(({ address }) => `server ${address}`),
    ),
    ...['dot1x authenticator', 'mac-auth'].flatMap((method) =>
      block([`${portAccess} ${method}`], [`radius server-group ${group}`, 'enable']),
    ),
  ];
}

function rolesOf({ serverDown }: Wanted, list: string): Setting[] {
  const calls = serverDown.voice;
  return [
    ...block([`port-access role ${critical}`], [set('associate policy', list), set('vlan access', serverDown.vlan)]),
    ...(calls
      ? block([`port-access role ${voice}`], ['device-traffic-class voice', set('vlan trunk allowed', calls.vlan)])
      : []),
  ];
}

function ports({ serverDown }: Wanted): Setting[] {
  const cached = serverDown.keepAuthorized
    ? ['cached-reauth', set('cached-reauth-period', remembered)]
    : [set('cached-reauth', '', 'absent')];
  return [
    ...block(
      [accessPorts],
      [
        set(`${portAccess} critical-role`, critical),
        ...(serverDown.voice ? [set(`${portAccess} critical-voice-role`, voice)] : []),
      ],
    ),
    ...['dot1x authenticator', 'mac-auth'].flatMap((method) =>
      block([accessPorts, `${portAccess} ${method}`], [...cached, 'reauth', 'enable']),
    ),
  ];
}
