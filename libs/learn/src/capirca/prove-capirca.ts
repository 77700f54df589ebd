import { families, familyOf, type AddressSet, type ConcretePacket, type PacketSet } from '#net';
import type { Snapshot } from '#policy';
import type { CapircaImport } from './import-capirca.js';
import { meaningOf } from './meaning.js';
import { oneDay } from './term.js';
import type { CapircaRule } from './write-policy.js';

/** What an import did, told by packets; null: there is none. */
export interface CapircaProof {
  /** Its rules allow it, and the filters do not: never, or the import is wrong. */
  readonly tooMuch: ConcretePacket | null;
  /** The filters allow it, its rules do not, and it is not of what is said to be left out: never, too. */
  readonly unreported: ConcretePacket | null;
}

/** Compares the rules of an import, as the policy reads them at an instant, with what the terms mean then. */
export function proveCapirca(made: CapircaImport, snapshot: Snapshot, at: Date): CapircaProof {
  const { space } = made;
  const meant = meaningOf(space, made.filters, at);
  const allowed = allowedBy(made, snapshot);
  const reported = space.union(made.leftOut.map(({ packets }) => packets));
  return {
    tooMuch: allowed.subtract(meant).witness,
    unreported: meant.subtract(allowed).subtract(reported).witness,
  };
}

/** Instants at which other terms are in force than before: now, and when dates end. */
export function instantsOf({ filters }: Pick<CapircaImport, 'filters'>, now: Date): Date[] {
  const ends = filters.flatMap(({ terms }) =>
    terms.flatMap(({ until }) => (until === null ? [] : [Date.parse(`${until}T00:00:00Z`) + oneDay])),
  );
  return [now.getTime(), ...new Set(ends)].sort((a, b) => a - b).map((time) => new Date(time));
}

function allowedBy({ space, files, known, places }: CapircaImport, snapshot: Snapshot): PacketSet {
  const endpoints = new Map(snapshot.endpoints.map(({ name, addresses }) => [name, addresses]));
  const services = new Map(snapshot.applications.map(({ name, services: set }) => [name, set]));
  const place = (name: string): AddressSet => places.classes.get(name) ?? endpoints.get(name)!;
  const there = new Set(known.map(keyOf));
  const rules = snapshot.flowRules.filter(
    (rule) => rule.active && (files.has(rule.file) || (rule.effect === 'allow' && there.has(keyOf(rule)))),
  );
  return space.union(
    rules.flatMap(({ subject, object, application }) =>
      families.map((family) =>
        space.match({
          family,
          services: services.get(application)!,
          source: familyOf(place(subject), family),
          destination: familyOf(place(object), family),
        }),
      ),
    ),
  );
}

const keyOf = ({ subject, object, application, when }: Omit<CapircaRule, 'terms'>): string =>
  [subject, object, application, when].join(', ');
