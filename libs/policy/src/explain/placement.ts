import { failure, success, type Result } from '#base';
import type { Posture } from '#model';
import { Report } from '../codes.js';
import { accessFor, indexOf, lineOf } from '../decide.js';
import type { FlowQuery } from '../explain.js';
import { didYouMean } from '../load/suggest.js';
import { builtIn } from '../policy.js';
import type { RuleLine, Snapshot } from '../snapshot.js';

/** Where a device is, and how far it is trusted. */
export interface Placement {
  readonly site: string;
  readonly posture: Posture;
}

/** What the access table makes of a device class: flow rules see its role. */
export interface RoleTaken extends Placement {
  readonly side: 'from' | 'to';
  readonly class: string;
  /** Null, like the two below, when the device is rejected there. */
  readonly segment: string | null;
  readonly role: string | null;
  readonly rule: RuleLine | null;
}

/**
 * The same question about a device that is placed: the role in place of the class. The device is the one that opens the
 * connection if that is a class, else the one that answers. `query` is null when the device gets no access at all.
 */
export function placeQuery(
  snapshot: Snapshot,
  query: FlowQuery,
  { site, posture }: Placement,
): Result<{ role: RoleTaken; query: FlowQuery | null }> {
  const { classes } = indexOf(snapshot);
  const side = (['from', 'to'] as const).find((end) => classes.has(query[end]));
  const report = new Report();
  const sites = snapshot.sites.map(({ name }) => name).filter((name) => name !== builtIn.everywhere);
  if (!sites.includes(site)) {
    report.add(
      'unknown-name',
      null,
      `\`${site}\` is no site`,
      didYouMean(site, sites, `use one of ${sites.join(', ')}`),
    );
  }
  if (side === undefined) {
    const summary = `neither \`${query.from}\` nor \`${query.to}\` is a device class`;
    report.add('unknown-name', null, summary, 'site and posture say where a device of a class is: leave them out');
  }
  if (report.hasErrors || side === undefined) return failure(report.diagnostics);
  const grant = accessFor(snapshot, query[side], site, posture);
  const taken = { side, class: query[side], site, posture };
  if (!grant) return success({ role: { ...taken, segment: null, role: null, rule: null }, query: null });
  const { segment, role, rule } = grant;
  return success({ role: { ...taken, segment, role, rule: lineOf(rule) }, query: { ...query, [side]: role } });
}
