import { everything, type PortTarget } from '../target.js';
import { parse } from './parse.js';
import { render } from './render.js';

export const openflow: PortTarget = {
  kind: 'port',
  name: 'openflow',
  description: "flows of one Open vSwitch table for one port's ingress, as ovs-ofctl reads and prints them",
  capabilities: everything,
  render,
  parse,
};
