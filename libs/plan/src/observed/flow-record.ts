import { protocols } from '#net';
import { isText, type Line } from '../text/lines.js';

/** Numbers the ends of connections. */
export interface EndNumbers {
  /** The end that a record writes between two places of a line; -1: no address. */
  find(text: Buffer, from: number, to: number): number;
  /** The same address with the device that the record names by MAC, where devices are known. */
  withMac(end: number, mac: string): number;
}

/** Takes what a reader understood of a record. */
export interface FlowSink {
  /**
   * A connection, from the side that opened it, or several of the same between two instants (milliseconds). `isAnswered`: whether the
   * other side was seen to reply; null: such records don't say.
   */
  connection(
    source: number,
    destination: number,
    service: number,
    packets: number,
    last: number,
    first: number,
    isAnswered: boolean | null,
    connections: number,
  ): void;
  /** A record that stands for no connection of its own, or whose direction can't be told. */
  count(what: 'replies' | 'undecided'): void;
  /** Every record, whatever becomes of it. */
  window(first: number, last: number): void;
}

/** Reads the lines of one format. */
export interface FlowReader {
  /** Null: understood, or rightly left out; else what is wrong. */
  read(line: Line): string | null;
  /** Everything was read. */
  end(): void;
}

/** The column of that name; undefined: it is none of its words. */
export const answered = (text: string): boolean | null | undefined =>
  text === 'yes' ? true : text === 'no' ? false : text === '' ? null : undefined;

const protocolNames: readonly (readonly [string, number])[] = [
  ...Object.entries(protocols),
  ['icmpv6', protocols.icmp6],
  ['ipv6-icmp', protocols.icmp6],
];

/** A protocol by name or number, between two places of a text; -1 for anything else. */
export function protocolNumber(text: Buffer, from: number, to: number): number {
  for (const [name, number] of protocolNames) if (isText(name, text, from, to)) return number;
  if (from < to && text[from]! >= 0x30 && text[from]! <= 0x39) return wholeNumber(text, from, to, 255);
  const small = text.toString('utf8', from, to).toLowerCase();
  return protocolNames.find(([name]) => name === small)?.[1] ?? -1;
}

/** A decimal number between two places of a text, blanks around it dropped; -1 for anything else. */
export function wholeNumber(text: Uint8Array, from: number, to: number, limit: number): number {
  let [start, stop] = [from, to];
  while (start < stop && text[start] === 0x20) start++;
  while (stop > start && text[stop - 1] === 0x20) stop--;
  if (start === stop || stop - start > 15) return -1;
  let value = 0;
  for (let at = start; at < stop; at++) {
    const digit = text[at]! - 0x30;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value > limit ? -1 : value;
}

/** ICMP's answers and error messages: they belong to something else and open nothing. */
export function isIcmpReply(protocol: number, type: number): boolean {
  if (protocol === protocols.icmp) return [0, 3, 4, 5, 11, 12, 14, 16, 18].includes(type);
  return protocol === protocols.icmp6 && (type < 128 || type === 129);
}
