import type { PortTarget } from '../target.js';
import { parse } from './parse.js';
import { render } from './render.js';

export const openflow: PortTarget = {
  kind: 'port',
  name: 'openflow',
  description: "flows of one Open vSwitch table for one port's ingress, as ovs-ofctl reads and prints them",
  capabilities: {
    ipv6: true,
    closesIpv6: true,
    sourcePorts: true,
    established: true,
    sctpPorts: true,
    icmpTypes: true,
    denies: true,
  },
  render,
  parse,
};
