import { everything, type PortTarget } from '../target.js';
import { parse } from './parse.js';
import { render } from './render.js';

export const ciscoInacl: PortTarget = {
  kind: 'port',
  name: 'cisco-inacl',
  description: 'Cisco-AVPair ip:inacl and ipv6:inacl of a RADIUS reply',
  capabilities: everything,
  render,
  parse,
};
