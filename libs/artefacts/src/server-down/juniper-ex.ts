import { juniperFilter } from '../juniper-filter/index.js';
import type { Configuration, SwitchMake, Wanted } from './configuration.js';
import { block, set, type Setting } from './setting.js';

const profile = 'CORDON';
const range = 'CORDON-ACCESS';
const uplinkTerm = 'from-network';

/**
 * EX with Junos (ELS). `server-fail` is one action for a port: devices stay as they are and nobody new comes in (`use-cache`), or whoever
 * authenticates is put into a VLAN, those that were in as well. A filter for newcomers can only stand on that VLAN, where packets
 * from the network come by, too: they are let through by the interface that they come from.
 *
 * Sources: Juniper TechLibrary, "server-fail", "server-fail-voip", "Platform Support for Firewall Filter Match Conditions" (a VLAN filter sees
 * packets that enter the VLAN, from wherever); a configuration of 23.4 that was published (servers, profile, `authentication-order`). Not
 * tried on the hardware by us. From memory: that a range of interfaces may stand under `protocols dot1x`.
 */
export const juniperEx: SwitchMake = {
  extension: 'set',
  layout: { indent: null, inline: null },
  target: juniperFilter,
  configure(wanted: Wanted): Configuration {
    const { keepAuthorized, segment, vlan } = wanted.serverDown;
    const list = `CORDON-${segment}`;
    const common = [...servers(wanted), ...ports(wanted)];
    if (keepAuthorized) return { list: null, before: [], after: common, closed: [] };
    const term = `set firewall family ethernet-switching filter ${list} term ${uplinkTerm}`;
    return {
      list,
      before: block([], [set(`${term} from interface`, '{{uplinks}}', 'given'), `${term} then accept`]),
      after: [
        ...block(
          [],
          [
            set(`set vlans ${segment} vlan-id`, vlan),
            set(`set vlans ${segment} forwarding-options filter input`, list),
          ],
        ),
        ...common,
      ],
      closed: [],
    };
  },
  listNames: (name) => [name],
  listText: (text, name) =>
    text
      .split('\n')
      .map((line) => (line.includes(` filter ${name} term ${uplinkTerm} `) ? '' : line))
      .join('\n'),
  isAccessPort: () => false,
};

function servers({ serverDown: { servers: list, timeout, tries, deadTime }, secret }: Wanted): Setting[] {
  const access = `set access profile ${profile}`;
  return block(
    [],
    [
      ...list.flatMap(({ address, authPort, acctPort }) => {
        const server = `set access radius-server ${address}`;
        return [
          set(`${server} port`, authPort),
          set(`${server} accounting-port`, acctPort),
          set(`${server} secret`, `"${secret}"`, 'given'),
          set(`${server} timeout`, timeout),
          set(`${server} retry`, tries),
        ];
      }),
      `${access} authentication-order radius`,
      ...list.map(({ address }) => `${access} radius authentication-server ${address}`),
      ...list.map(({ address }) => `${access} radius accounting-server ${address}`),
      set(`${access} radius options revert-interval`, deadTime * 60),
      `${access} accounting order radius`,
    ],
  );
}

function ports({ serverDown }: Wanted): Setting[] {
  const { keepAuthorized, segment, voice } = serverDown;
  const port = `set protocols dot1x authenticator interface ${range}`;
  const fails = (vlan: string): string => (keepAuthorized ? 'use-cache' : `vlan-name ${vlan}`);
  return block(
    [],
    [
      set(`set interfaces interface-range ${range} member`, '{{access-ports}}', 'given'),
      set('set protocols dot1x authenticator authentication-profile-name', profile),
      set(`${port} supplicant`, 'multiple'),
      `${port} authentication-order dot1x`,
      `${port} authentication-order mac-radius`,
      set(`${port} mac-radius authentication-protocol`, 'pap'),
      set(`${port} transmit-period`, 10),
      set(`${port} server-fail`, fails(segment)),
      ...(voice ? [set(`${port} server-fail-voip`, fails(voice.segment))] : []),
    ],
  );
}
