import { parsePrefix, rangeOfPrefix, type AddressRange } from '#net';

/** What a flow asks of a packet, of what ours ask. Everything about the packet itself that is not `ct` is looked at before tracking. */
export type Condition =
  | { readonly kind: 'family'; readonly family: 4 | 6 }
  /** Of the packet itself. */
  | { readonly kind: 'address'; readonly side: 'source' | 'destination'; readonly range: AddressRange }
  | { readonly kind: 'protocol'; readonly protocol: number }
  | { readonly kind: 'ports'; readonly of: 'source' | 'destination'; readonly port: number }
  | { readonly kind: 'icmpType'; readonly type: number }
  | { readonly kind: 'hopLimit'; readonly value: number }
  /** Of the connection: bits that must be set, and bits that must not. */
  | { readonly kind: 'state'; readonly set: number; readonly unset: number }
  /** Of the packet that opened it. */
  | { readonly kind: 'openedAddress'; readonly side: 'source' | 'destination'; readonly range: AddressRange }
  | { readonly kind: 'openedProtocol'; readonly protocol: number }
  /** ICMP: `source` is the type. */
  | {
      readonly kind: 'openedPort';
      readonly of: 'source' | 'destination';
      readonly value: number;
      readonly mask: number;
    }
  | { readonly kind: 'register'; readonly register: number; readonly value: number }
  | { readonly kind: 'conjunction'; readonly id: number };

export type Action =
  | { readonly kind: 'drop' }
  | { readonly kind: 'resubmit'; readonly table: number }
  | { readonly kind: 'load'; readonly register: number; readonly value: number }
  /** Goes on in the table, tracked. */
  | { readonly kind: 'track'; readonly table: number; readonly zone: number }
  | { readonly kind: 'commit'; readonly zone: number }
  | { readonly kind: 'clear' }
  | { readonly kind: 'clause'; readonly id: number; readonly clause: number; readonly of: number };

/** ct_state of ovs-fields(7). */
export const stateBits = { new: 1, est: 2, rel: 4, rpl: 8, inv: 16, trk: 32 } as const;

const shorthands: ReadonlyMap<string, readonly Condition[]> = new Map([
  ['ip', [{ kind: 'family', family: 4 }]],
  ['ipv6', [{ kind: 'family', family: 6 }]],
  [
    'udp',
    [
      { kind: 'family', family: 4 },
      { kind: 'protocol', protocol: 17 },
    ],
  ],
  [
    'icmp6',
    [
      { kind: 'family', family: 6 },
      { kind: 'protocol', protocol: 58 },
    ],
  ],
]);

/** Throws on a field that none of ours has: what is not known can't be evaluated. */
export function readConditions(fields: readonly string[]): Condition[] {
  return fields.flatMap((field) => {
    const short = shorthands.get(field);
    if (short) return short;
    const [name = '', value = ''] = field.split('=', 2);
    const condition = readCondition(name, value);
    if (!condition) throw new Error(`no evaluation for \`${field}\``);
    return [condition];
  });
}

function readCondition(name: string, value: string): Condition | null {
  const [, connection, column, side] = /^(ct_)?(nw|ipv6)_(src|dst)$/.exec(name) ?? [];
  if (column !== undefined) {
    const prefix = parsePrefix(value);
    if (typeof prefix === 'string' || prefix.family !== (column === 'nw' ? 4 : 6)) return null;
    const kind = connection === undefined ? 'address' : 'openedAddress';
    return { kind, side: side === 'src' ? 'source' : 'destination', range: rangeOfPrefix(prefix) };
  }
  const [, register] = /^reg(\d{1,2})$/.exec(name) ?? [];
  if (name === 'ct_state') return readState(value);
  const [number, mask = 0xffff] = value.split('/', 2).map(readNumber);
  if (number === undefined || Number.isNaN(number) || Number.isNaN(mask)) return null;
  if (name === 'ct_tp_src' || name === 'ct_tp_dst')
    return { kind: 'openedPort', of: name === 'ct_tp_src' ? 'source' : 'destination', value: number, mask };
  if (value.includes('/')) return null;
  if (register !== undefined) return { kind: 'register', register: Number(register), value: number };
  if (name === 'tp_src' || name === 'tp_dst')
    return { kind: 'ports', of: name === 'tp_src' ? 'source' : 'destination', port: number };
  if (name === 'icmp_type') return { kind: 'icmpType', type: number };
  if (name === 'nw_ttl') return { kind: 'hopLimit', value: number };
  if (name === 'ct_nw_proto') return { kind: 'openedProtocol', protocol: number };
  return name === 'conj_id' ? { kind: 'conjunction', id: number } : null;
}

const readNumber = (text: string): number => (/^(0x[0-9a-f]{1,8}|\d{1,10})$/.test(text) ? Number(text) : Number.NaN);

function readState(value: string): Condition | null {
  if (!/^([+-](new|est|rel|rpl|inv|trk))+$/.test(value)) return null;
  const bits = { '+': 0, '-': 0 };
  for (const [, sign, name] of value.matchAll(/([+-])([a-z]+)/g))
    bits[sign as '+' | '-'] |= stateBits[name as keyof typeof stateBits];
  return { kind: 'state', set: bits['+'], unset: bits['-'] };
}

/** Throws on an action that none of ours has. */
export function readActions(actions: readonly string[]): Action[] {
  return actions.map((text) => {
    const action = readAction(text);
    if (!action) throw new Error(`no evaluation for the action \`${text}\``);
    return action;
  });
}

function readAction(text: string): Action | null {
  if (text === 'drop') return { kind: 'drop' };
  if (text === 'ct_clear') return { kind: 'clear' };
  const numbers = (pattern: RegExp): number[] | null => pattern.exec(text)?.slice(1).map(Number) ?? null;
  const resubmit = numbers(/^resubmit\(,(\d+)\)$/);
  if (resubmit) return { kind: 'resubmit', table: resubmit[0]! };
  const track = numbers(/^ct\(table=(\d+),zone=(\d+)\)$/);
  if (track) return { kind: 'track', table: track[0]!, zone: track[1]! };
  const commit = numbers(/^ct\(commit,zone=(\d+)\)$/);
  if (commit) return { kind: 'commit', zone: commit[0]! };
  const load = numbers(/^load:(0x[0-9a-f]{1,8}|0)->NXM_NX_REG(\d{1,2})\[\]$/);
  if (load) return { kind: 'load', value: load[0]!, register: load[1]! };
  const clause = numbers(/^conjunction\((\d+),(\d+)\/(\d+)\)$/);
  return clause && { kind: 'clause', id: clause[0]!, clause: clause[1]!, of: clause[2]! };
}
