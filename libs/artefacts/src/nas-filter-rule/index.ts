import { everything, type PortTarget } from '../target.js';
import { parse } from './parse.js';
import { render } from './render.js';

export const nasFilterRule: PortTarget = {
  kind: 'port',
  name: 'nas-filter-rule',
  description: 'NAS-Filter-Rule of a RADIUS reply (RFC 4849), one rule a line',
  capabilities: everything,
  render,
  parse,
};
