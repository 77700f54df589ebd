import { sha256 } from '#base';
import type { DriverOptions } from '../driver.js';

/**
 * Where our flows stand in a bridge, by the options of the point:
 *
 *   table 0, priority 65535   one side in scope? then `enter`
 *   enter                     what keeps the link itself going leaves at once; the rest is tracked
 *   tracked                   no connection? drop. Else the next three, then `verdict`
 *   opener, answerer          which class has the end that opened the connection, and which the other: register
 *   rules                     the policy's lines: registers `denied` and `allowed`
 *   verdict                   drop, or back to table 0 with register `judged` set, where flows of others go on
 */
export interface Layout {
  readonly bridge: string;
  /** Of connection tracking; nobody else may use it. */
  readonly zone: number;
  readonly tables: Readonly<Record<TableName, number>>;
}

const tableNames = ['enter', 'tracked', 'opener', 'answerer', 'rules', 'verdict'] as const;
export type TableName = (typeof tableNames)[number];

/** `options` as the policy's loader let them through (`driverFacts`). */
export function layoutOf(options: DriverOptions): Layout {
  const first = Number(options['table'] ?? 200);
  const tables = Object.fromEntries(tableNames.map((name, i) => [name, first + i])) as Layout['tables'];
  return { bridge: options['bridge'] ?? '', zone: Number(options['zone'] ?? 51_966), tables };
}

/** Nothing can stand before it. */
export const entryPriority = 65_535;

/** Numbers of OVS's 32-bit registers. Nothing ever sets `spare`. */
export const registers = { spare: 10, denied: 11, allowed: 12, opener: 13, answerer: 14, judged: 15 } as const;

/** The upper 16 bits of a cookie; the lower 48 are the id of a policy line, or what a flow without a line is for. */
export const marks = { line: 'c0d0', own: 'c0d1' } as const;
export const cookies = {
  line: (id: string): string => `0x${marks.line}${id}`,
  structure: `0x${marks.own}000000000000`,
  member: `0x${marks.own}000000000001`,
  denied: `0x${marks.own}000000000002`,
} as const;
export const isOurCookie = (cookie: string): boolean => /^0xc0d[01][0-9a-f]{12}$/.test(cookie);
/** Matches the cookies of all our flows and of no others. */
export const ourCookies = '0xc0d0000000000000/0xfffe000000000000';

export type Ends = 'opener' | 'answerer';

/**
 * A number of 32 bits for each name that hangs on the names alone, so that it stays when others come or go. Sorted, because where two
 * would have the same number, the second takes the next that is free.
 */
export function numberNames(names: Iterable<string>): Map<string, number> {
  const taken = new Set([0]);
  const out = new Map<string, number>();
  for (const name of [...new Set(names)].sort()) {
    let number = Number.parseInt(sha256(name).slice(0, 8), 16);
    while (taken.has(number)) number = (number + 1) % 0x1_0000_0000;
    taken.add(number);
    out.set(name, number);
  }
  return out;
}
