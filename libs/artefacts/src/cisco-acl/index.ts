import { everything, type PortTarget } from '../target.js';
import { parse } from './parse.js';
import { render } from './render.js';

export const ciscoAcl: PortTarget = {
  kind: 'port',
  name: 'cisco-acl',
  description: 'named access lists of Cisco IOS XE, as in a running-config',
  capabilities: everything,
  render,
  parse,
};
