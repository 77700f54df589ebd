import { everything, type PortTarget } from '../target.js';
import { parse } from './parse.js';
import { render } from './render.js';

export const juniperFilter: PortTarget = {
  kind: 'port',
  name: 'juniper-filter',
  description: 'firewall filter of Junos, family ethernet-switching, as `display set` shows it',
  capabilities: { ...everything, sctpPorts: false },
  render,
  parse,
};
