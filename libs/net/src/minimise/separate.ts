import { append } from '#base';
import type { Interval } from '../interval.js';
import type { AddressTable, Stroke } from './address-table.js';
import { completeAxis, portsKey, topOfAxis, type Axis, type Segment } from './axes.js';
import type { Layer } from './layers.js';
import { kindNumber, type AxisKind } from './line-store.js';

/** An axis in two parts that can be said one behind the other. */
export interface SeparatedAxis {
  /** Permits, in order of ports. */
  readonly separate: readonly Layer[];
  /** All else that is wanted. */
  readonly rest: Axis;
}

/**
 * Takes out of an axis the prefixes that overlap nothing else that is wanted there, which is nearly all of most axes. Such a
 * prefix needs one permit for each interval of ports on which it is wanted, and no list has less: closing gaps of a wider
 * permit costs as many lines. So there is nothing to search for.
 *
 * Holds where a line is one prefix and one interval of ports, whatever that interval is.
 */
export function separateAxis(axis: Axis, table: AddressTable, denies: boolean): SeparatedAxis {
  /** Sets that take denies to say. */
  const mixed = new Set<number>();
  for (const { wanted } of axis)
    if (table.repaint(table.none, wanted, denies)!.some(({ action }) => action === 'deny')) mixed.add(wanted);
  const pieces = piecesOf(
    axis.filter(({ wanted }) => !mixed.has(wanted)),
    table,
  );
  markOverlaps([...pieces.values()]);
  markSharedGaps([...pieces.values()]);
  for (const piece of pieces.values())
    for (const set of mixed) if (table.touches(piece.stroke.set, set)) piece.isSeparate = false;

  const isSeparate = (stroke: Stroke): boolean => pieces.get(stroke)!.isSeparate;
  const rest = axis.map(({ first, last, wanted }): Segment => {
    if (mixed.has(wanted)) return { first, last, wanted };
    const strokes = table.repaint(table.none, wanted, denies)!;
    const others = strokes.filter((stroke) => !isSeparate(stroke));
    if (others.length === strokes.length) return { first, last, wanted };
    return { first, last, wanted: table.unionOf(others.map(({ set }) => set)) };
  });
  return { separate: layersOf(pieces.values()), rest: completeAxis(rest, table.none) };
}

/** Where the gaps of each prefix that is wanted begin and end. */
export function gapBorders(axis: Axis, table: AddressTable): number[] {
  if (axis.length < 3) return [];
  return [...piecesOf(axis, table).values()].flatMap(({ ports }) => bordersOfGaps(ports));
}

/**
 * Where each gap between two intervals of ports begins, and where it ends: a number from 0 to 2¹⁷-1. `intervals`: in ascending
 * order.
 */
export function bordersOfGaps(intervals: readonly Interval<number>[]): number[] {
  const borders: number[] = [];
  for (let i = 1; i < intervals.length; i++) borders.push(intervals[i - 1]!.last * 2, intervals[i]!.first * 2 + 1);
  return borders;
}

/** The same with a number of its own for each kind. */
export const bordersOfKind = (kind: AxisKind, borders: readonly number[]): number[] =>
  borders.map((border) => kindNumber(kind) * (topOfAxis + 1) * 2 + border);

/** What permits alone would say. */
function piecesOf(axis: Axis, table: AddressTable): Map<Stroke, Piece> {
  const pieces = new Map<Stroke, Piece>();
  for (const { wanted, first, last } of axis) {
    for (const stroke of table.repaint(table.none, wanted, false)!) {
      const piece = pieces.get(stroke) ?? new Piece(stroke);
      pieces.set(stroke, piece);
      piece.add(first, last);
    }
  }
  return pieces;
}

/** A prefix and where it is wanted. */
class Piece {
  readonly ports: { first: number; last: number }[] = [];
  isSeparate = true;

  constructor(readonly stroke: Stroke) {}

  /** In ascending order. */
  add(first: number, last: number): void {
    const top = this.ports.at(-1);
    if (top?.last === first - 1) top.last = last;
    else this.ports.push({ first, last });
  }

  /** Null: all addresses. */
  get range(): Interval<bigint> | null {
    return this.stroke.addresses?.[0] ?? null;
  }
}

/** Prefixes that overlap contain one another. */
function markOverlaps(pieces: readonly Piece[]): void {
  if (pieces.length < 2) return;
  const sorted = [...pieces].sort((a, b) => compare(a.range, b.range));
  let top = sorted[0]!;
  for (const piece of sorted.slice(1)) {
    if (top.range === null || piece.range!.first <= top.range.last) {
      top.isSeparate = false;
      piece.isSeparate = false;
    } else top = piece;
  }
}

/** Wide permits pay where one deny for all addresses closes the gaps of several prefixes: those begin or end alike. */
function markSharedGaps(pieces: readonly Piece[]): void {
  const holders = new Map<number, Piece[]>();
  for (const piece of pieces) for (const border of bordersOfGaps(piece.ports)) append(holders, border, piece);
  for (const sharing of holders.values()) if (sharing.length > 1) for (const piece of sharing) piece.isSeparate = false;
}

/** By first address, those that contain others first. */
function compare(a: Interval<bigint> | null, b: Interval<bigint> | null): number {
  if (!a || !b) return a === b ? 0 : a ? 1 : -1;
  if (a.first !== b.first) return a.first < b.first ? -1 : 1;
  return a.last === b.last ? 0 : a.last > b.last ? -1 : 1;
}

/** Prefixes on the same ports stand together, in order of address. */
function layersOf(pieces: Iterable<Piece>): Layer[] {
  const layers = new Map<number, { first: number; last: number; strokes: Stroke[] }>();
  for (const { ports, stroke, isSeparate } of pieces) {
    for (const { first, last } of isSeparate ? ports : []) {
      const key = portsKey({ first, last });
      const layer = layers.get(key) ?? { first, last, strokes: [] };
      layers.set(key, layer);
      layer.strokes.push(stroke);
    }
  }
  return [...layers.values()].sort((a, b) => a.first - b.first || a.last - b.last);
}
