import { compareText } from '#base';
import type { Snapshot } from '#policy';
import type { FlowChange, FlowEnd, NamedServices, Risk } from '../plan.js';
import { classChanges } from './class-changes.js';
import { groupChanges, type GroupedChange } from './group-changes.js';
import { PolicyNames, rangeTexts } from './names.js';
import { rankChange, riskView } from './risk.js';
import { ResponsibleLines } from './responsible-lines.js';

/** Whether observed connections fall into a change; null when none were given. */
export type UseOf = (change: GroupedChange) => FlowChange['inUse'];

const order: Readonly<Record<Risk, number>> = { high: 0, medium: 1, low: 2 };

/**
 * Connections that open or close between two policies, exactly: what no entry names has the verdict that it had. An opened
 * flow is told in the words of `after`, a closed one in those of `before`. Riskiest first.
 */
export function diffFlows(before: Snapshot, after: Snapshot, useOf: UseOf): FlowChange[] {
  const grouped = groupChanges(classChanges(before, after), new ResponsibleLines(before, after));
  const words = { opened: new PolicyNames(after), closed: new PolicyNames(before) };
  const view = riskView(before, after);
  const changes = grouped.map((change): FlowChange => {
    const names = words[change.change];
    const inUse = change.change === 'closed' ? useOf(change) : null;
    const near = classesEnd(change.classes, null, '', names);
    const far = farEnd(change, names);
    const [source, destination] = change.direction === 'outbound' ? [near, far] : [far, near];
    const services: NamedServices = names.describeServices(change.services, change.names);
    const { lines } = change;
    return { change: change.change, source, destination, services, ...rankChange(change, view, inUse), lines, inUse };
  });
  return changes.sort(
    (a, b) =>
      order[a.risk] - order[b.risk] ||
      compareText(b.change, a.change) ||
      compareText(a.source.text, b.source.text) ||
      compareText(a.destination.text, b.destination.text) ||
      compareText(a.services.text, b.services.text) ||
      compareText(JSON.stringify(a), JSON.stringify(b)),
  );
}

function farEnd({ far, names: preferred }: GroupedChange, names: PolicyNames): FlowEnd {
  if (far.kind === 'classes') {
    const where = far.at ? ` at ${names.describeAddresses(far.at, preferred)}` : '';
    return classesEnd(far.classes, far.at && rangeTexts(far.at), where, names);
  }
  const except = far.except.length > 0 ? ` (without ${names.describeClasses(new Set(far.except))} there)` : '';
  const text = `${names.describeAddresses(far.addresses, preferred)}${except}`;
  return { kind: 'addresses', text, ranges: rangeTexts(far.addresses), exceptClasses: far.except };
}

function classesEnd(
  classes: ReadonlySet<string>,
  ranges: readonly string[] | null,
  where: string,
  names: PolicyNames,
): FlowEnd {
  const text = `${names.describeClasses(classes)}${where}`;
  return { kind: 'classes', text, classes: [...classes].sort(compareText), ranges };
}
