import type { PortTarget } from '../target.js';
import { parse } from './parse.js';
import { render } from './render.js';

export const juniperSwitchingFilter: PortTarget = {
  kind: 'port',
  name: 'juniper-switching-filter',
  description: 'Juniper-Switching-Filter of a RADIUS reply, a term a line; read only: it has no words for IPv6',
  capabilities: {
    ipv6: false,
    closesIpv6: false,
    sourcePorts: true,
    established: false,
    sctpPorts: false,
    icmpTypes: false,
    denies: true,
  },
  render,
  parse,
};
