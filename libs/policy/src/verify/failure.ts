import type { SourceSpan } from '#base';
import type { Posture } from '#model';
import { formatAddress, formatServices, hasPorts, isIcmp, serviceKey } from '#net';
import type { PacketSide } from '../decide.js';
import type { RuleLine } from '../snapshot.js';

/** A test or invariant that doesn't hold, with one case that shows it. */
export interface PolicyTestFailure {
  readonly name: string;
  readonly span: SourceSpan;
  /** One line: `src -> dst app: expected DENY, got ALLOW by FILE:LINE`. */
  readonly summary: string;
  /** Null when no packet fits the question at all: an address family or protocol is missing. */
  readonly counterexample: Counterexample | null;
  /** The lines that allow, deny or place it; none where nothing does. */
  readonly rules: readonly RuleLine[];
  /** The first instant, of those that were asked about, at which it doesn't hold. */
  readonly at: string;
}

export type Counterexample = CounterexamplePacket | CounterexampleDevice;

/** The first packet of a connection that the policy judges otherwise than it should. */
export interface CounterexamplePacket {
  readonly kind: 'packet';
  readonly from: CounterexampleSide;
  readonly to: CounterexampleSide;
  readonly protocol: number;
  /** ICMP: type. */
  readonly port: number;
}

/** A class whose devices may have any address outside every named endpoint, an address that no device has, or both. */
export interface CounterexampleSide {
  readonly class: string | null;
  readonly address: string | null;
}

/** A device that the access table places otherwise than it should. */
export interface CounterexampleDevice {
  readonly kind: 'device';
  readonly class: string;
  readonly site: string;
  readonly posture: Posture;
  /** Null: it is rejected. */
  readonly segment: string | null;
}

export function formatCounterexample(shown: Counterexample): string {
  if (shown.kind === 'device')
    return `${shown.class} at ${shown.site}, ${shown.posture} -> ${shown.segment ?? 'reject'}`;
  const { from, to, protocol, port } = shown;
  const key = serviceKey(protocol, port);
  const service =
    hasPorts(protocol) || isIcmp(protocol) ? formatServices([{ first: key, last: key }]) : `ip/${protocol}`;
  return `${formatSide(from)} -> ${formatSide(to)} ${service}`;
}

const formatSide = ({ class: device, address }: CounterexampleSide): string =>
  device !== null && address !== null ? `${device} at ${address}` : (device ?? address ?? '');

export function sideOf({ class: device, address }: PacketSide): CounterexampleSide {
  return { class: device ?? null, address: address ? formatAddress(address) : null };
}

export const formatLines = (rules: readonly RuleLine[]): string =>
  rules.map(({ file, line }) => `${file}:${line}`).join(', ');

/** `2027-01-01T00:00:00Z`: nobody asks about milliseconds. */
export const formatInstant = (at: Date): string => at.toISOString().replace('.000Z', 'Z');

/** What to do about it, with the case that shows it in front. */
export function failureHint({ counterexample, at }: PolicyTestFailure, remedy: string): string {
  return counterexample
    ? `seen with ${formatCounterexample(counterexample)} at ${formatInstant(new Date(at))}; ${remedy}`
    : remedy;
}
