import type { Diagnostic, SourceSpan } from '#base';
import type { AddressSet, Family, Interval, ServiceSet } from '#net';

/** A network by its name. */
export interface NamedAddresses {
  readonly label: string;
  readonly addresses: AddressSet;
}

/** What a term matches. Conditions that must all hold; null: not looked at. */
export interface TermMatch {
  readonly families: readonly Family[];
  readonly source: TermSide | null;
  readonly destination: TermSide | null;
  /** At one of both ends. */
  readonly either: TermSide | null;
  /** Where the filter stands: who is before it, and behind it. */
  readonly before: NamedAddresses | null;
  readonly behind: NamedAddresses | null;
  readonly services: ServiceSet;
  /** What the services are called; null: nothing in particular. */
  readonly serviceLabel: string | null;
  readonly sourcePorts: readonly Interval<number>[] | null;
  /** On one of both sides, beside `services`. */
  readonly eitherPorts: readonly Interval<number>[] | null;
  /** Only packets of connections that are open already: it opens nothing. */
  readonly isEstablished: boolean;
}

/** Addresses of one end. */
export interface TermSide {
  /** None: any. */
  readonly names: readonly NamedAddresses[];
  readonly without: readonly NamedAddresses[];
}

export type TermAction = 'accept' | 'deny' | 'next' | 'unclear';

/** A term as the import understands it. */
export interface Term {
  readonly filter: string;
  readonly name: string;
  readonly span: SourceSpan;
  readonly action: TermAction;
  /** All that it can match: conditions of `unsaid` are not in it. */
  readonly match: TermMatch;
  /** Conditions that policy can't say, or that are malformed: what the term matches is less, and nobody can tell what. */
  readonly unsaid: Diagnostic | null;
  /** Last day in force, `2027-03-30`; null: no end. */
  readonly until: string | null;
  readonly owner: string | null;
  readonly comment: string;
}

/** A filter whose terms could be read. */
export interface Filter {
  readonly name: string;
  readonly span: SourceSpan;
  /** In order, without those that are not in force or not for the platform. */
  readonly terms: readonly Term[];
}

export const oneDay = 86_400_000;

/** Whether the term is in force at this instant. */
export const isInForce = ({ until }: Term, at: Date): boolean =>
  until === null || at.getTime() < Date.parse(`${until}T00:00:00Z`) + oneDay;
