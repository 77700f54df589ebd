import { everything, type PortTarget } from '../target.js';
import { parse } from './parse.js';
import { render } from './render.js';

export const arubaCxPolicy: PortTarget = {
  kind: 'port',
  name: 'aruba-cx-policy',
  description: 'port-access policy of AOS-CX with its classes, as in a running-config',
  capabilities: everything,
  render,
  parse,
};
