import type { PortTarget } from '../target.js';
import { parse } from './parse.js';
import { render } from './render.js';

export const arubaNasFilterRule: PortTarget = {
  kind: 'port',
  name: 'aruba-nas-filter-rule',
  description: 'filter rules in a RADIUS reply to Aruba switches with AOS-S',
  capabilities: {
    ipv6: true,
    closesIpv6: true,
    sourcePorts: false,
    established: false,
    sctpPorts: false,
    icmpTypes: false,
    denies: true,
  },
  render,
  parse,
};
