import { placementIn } from './placement.ts';

/*
 * What every device gets, in the words of FreeRADIUS: what Cordon tells it by the sample policy. The MAC generator proves that VLAN
 * and ACL attributes of every reply, of whichever side, are these.
 */

/** Name, operator, value; strings are quoted where they have to be. */
export const grant: readonly (readonly [name: string, operator: '=' | '+=', value: string])[] = [
  ['Tunnel-Type', '=', 'VLAN'],
  ['Tunnel-Medium-Type', '=', 'IEEE-802'],
  ['Tunnel-Private-Group-Id', '=', '210'],
  ['NAS-Filter-Rule', '+=', 'permit in tcp from any 3613 to 10.10.4.20 established'],
  ['NAS-Filter-Rule', '+=', 'permit in tcp from any to 10.10.4.20 443'],
  ['NAS-Filter-Rule', '+=', 'permit in tcp from any 3613 to fd10:4::20 established'],
  ['NAS-Filter-Rule', '+=', 'permit in tcp from any to fd10:4::20 443'],
  ['NAS-Filter-Rule', '+=', 'deny in ip from any to any'],
  ['Session-Timeout', '=', '3600'],
  ['Termination-Action', '=', 'RADIUS-Request'],
  ['Class', '=', '0x636f72646f6e3a303030303030303030303031'],
  ['Message-Authenticator', '=', '0x00'],
];

const valuesOf = (name: string): string[] => grant.filter((entry) => entry[0] === name).map(([, , value]) => value);

/** The same as a switch reads it. */
export const placement = placementIn(Number(valuesOf('Tunnel-Private-Group-Id')[0]), valuesOf('NAS-Filter-Rule'));

/** As a user of the `files` module is asked for. */
export const userName = (mac: string): string => mac.replaceAll(':', '');

const quoted = (value: string): string => (value.includes(' ') || /^\d+$/.test(value) ? `"${value}"` : value);

/** Lines of `users`. */
export const usersEntry = (mac: string): string =>
  [
    `${userName(mac)} Auth-Type := Accept`,
    grant.map(([name, operator, value]) => `\t${name} ${operator} ${quoted(value)}`).join(',\n'),
  ].join('\n');

/** Lines of an `update reply` section. */
export const updateReply = (): string =>
  grant
    .filter(([name]) => name !== 'Message-Authenticator')
    .map(([name, operator, value]) => `${name} ${operator === '=' ? ':=' : operator} ${quoted(value)}`)
    .join('\n');

/** The body that `rlm_rest` reads attributes from: several values of one name stand in a list. */
export function restBody(): string {
  const body: Record<string, { op: string; value: string | string[] }> = {
    'control:Auth-Type': { op: ':=', value: 'Accept' },
  };
  for (const name of new Set(grant.map(([name]) => name))) {
    const values = valuesOf(name);
    body[`reply:${name}`] = values.length === 1 ? { op: ':=', value: values[0]! } : { op: '+=', value: values };
  }
  return JSON.stringify(body);
}
