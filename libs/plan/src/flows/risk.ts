import {
  addressSet,
  anyService,
  intersectAddresses,
  isEmptyAddressSet,
  rangesOf,
  serviceAlgebra,
  type AddressSet,
} from '#net';
import type { Criticality, Snapshot } from '#policy';
import type { FlowChange, Risk } from '../plan.js';
import type { GroupedChange } from './group-changes.js';

export interface Ranked {
  readonly risk: Risk;
  readonly reasons: readonly string[];
  readonly touches: FlowChange['touches'];
}

type Weight = Pick<Ranked, 'risk' | 'reasons'>;

export interface RiskView {
  /** The higher of both policies: a class that is made less critical in the same change is still looked at. */
  readonly criticality: ReadonlyMap<string, Criticality>;
  /** Of both policies together: a change that declares the world `internal` opens the internet all the same. Null: neither says. */
  readonly internet: AddressSet | null;
}

const weight: Readonly<Record<Criticality, number>> = { 'life-critical': 2, high: 1, standard: 0 };

export function riskView(before: Snapshot, after: Snapshot): RiskView {
  const criticality = new Map<string, Criticality>();
  for (const { name, criticality: own } of [...before.classes, ...after.classes]) {
    const known = criticality.get(name);
    if (known === undefined || weight[own] > weight[known]) criticality.set(name, own);
  }
  const internet = [before, after].flatMap(({ endpoints }) => endpoints.filter(({ name }) => name === 'internet'));
  const addresses = internet.flatMap(({ addresses }) => rangesOf(addresses));
  return { criticality, internet: internet.length > 0 ? addressSet(addresses) : null };
}

/**
 * How much a reviewer should look at a change. High: opens from or to the internet, opens towards or from a life-critical
 * class, opens every service, or closes what is in use. Medium: opens towards a class of high criticality, or between
 * classes. Low: the rest. docs/reading-a-plan.md says the same.
 */
export function rankChange(change: GroupedChange, view: RiskView, inUse: FlowChange['inUse']): Ranked {
  return { ...weigh(change, view, inUse), touches: touchesOf(change, view, inUse) };
}

/** What people may have to approve. Where nobody can tell what is outside, it may be the internet. */
function touchesOf(change: GroupedChange, view: RiskView, inUse: FlowChange['inUse']): FlowChange['touches'] {
  const { classes, far } = change;
  const isOpened = change.change === 'opened';
  const named = far.kind === 'classes' ? [...classes, ...far.classes] : [...classes];
  const mayBeOutside = far.kind === 'addresses' && (view.internet === null || isOutside(change, view));
  return [
    ...(isOpened && mayBeOutside ? ['internet' as const] : []),
    ...(named.some((name) => view.criticality.get(name) === 'life-critical') ? ['life-critical' as const] : []),
    ...(!isOpened && (inUse?.connections ?? 0) > 0 ? ['in-use' as const] : []),
  ];
}

const isOutside = ({ far }: GroupedChange, { internet }: RiskView): boolean =>
  far.kind === 'addresses' && internet !== null && !isEmptyAddressSet(intersectAddresses(far.addresses, internet));

function weigh(change: GroupedChange, view: RiskView, inUse: FlowChange['inUse']): Weight {
  if (change.change === 'closed') {
    if (inUse === null) return { risk: 'low', reasons: ['closes; no observed flows were given, so use is unknown'] };
    const { connections, devices, watched } = inUse;
    if (connections === 0) {
      const why = watched
        ? 'closes; not seen in use'
        : 'closes; not seen in use, but nothing of these classes was seen';
      return { risk: 'low', reasons: [why] };
    }
    const what = `closes what is in use: ${connections} connections of ${devices} devices were seen`;
    return { risk: 'high', reasons: [what] };
  }
  const high = highReasons(change, view);
  if (high.length > 0) return { risk: 'high', reasons: high };
  const medium = mediumReasons(change, view);
  return medium.length > 0
    ? { risk: 'medium', reasons: medium }
    : { risk: 'low', reasons: ['opens between a class and fixed addresses'] };
}

function highReasons(change: GroupedChange, view: RiskView): string[] {
  const { direction, classes, far, services } = change;
  const reasons: string[] = [];
  if (isOutside(change, view))
    reasons.push(direction === 'outbound' ? 'opens to the internet' : 'opens from the internet');
  const near = ofCriticality(classes, view, 'life-critical');
  const farther = far.kind === 'classes' ? ofCriticality(far.classes, view, 'life-critical') : [];
  const [sources, targets] = direction === 'outbound' ? [near, farther] : [farther, near];
  if (targets.length > 0) reasons.push(`opens towards life-critical ${listed(targets)}`);
  if (sources.length > 0) reasons.push(`opens from life-critical ${listed(sources)}`);
  if (serviceAlgebra.equals(services, anyService)) reasons.push('opens every service');
  else if (isBroad(services)) reasons.push('opens nearly every service');
  return reasons;
}

/** More than half of all services: `any` less what a deny takes out is no narrower in effect. */
const isBroad = (services: GroupedChange['services']): boolean =>
  services.reduce((sum, { first, last }) => sum + last - first + 1, 0) > 0x80_0000;

function mediumReasons({ direction, classes, far }: GroupedChange, view: RiskView): string[] {
  const reasons: string[] = [];
  const targets = direction === 'inbound' ? classes : far.kind === 'classes' ? far.classes : new Set<string>();
  const high = ofCriticality(targets, view, 'high');
  if (high.length > 0) reasons.push(`opens towards high-critical ${listed(high)}`);
  if (far.kind === 'classes') reasons.push('opens between device classes');
  return reasons;
}

function ofCriticality(classes: ReadonlySet<string>, view: RiskView, wanted: Criticality): string[] {
  return [...classes].filter((name) => view.criticality.get(name) === wanted).sort();
}

function listed(names: readonly string[]): string {
  const shown = names.slice(0, 3).join(', ');
  return names.length > 3 ? `${shown} and ${names.length - 3} more` : shown;
}
