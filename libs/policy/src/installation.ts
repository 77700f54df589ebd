import type { Policy } from './policy.js';

/**
 * What one installation of Cordon enforces where several share a policy repository, as a laboratory and a hospital: the switches, proxies and
 * enforcement points of these sites and of those below them. All else stays as it is, so that a name means the same everywhere.
 *
 * A switch of another site is none that it knows: it gets no answer here, and no rule.
 */
export function policyOfSites(policy: Policy, sites: readonly string[]): Policy {
  const isOurs = (site: string): boolean => sites.some((one) => policy.siteTree.belongs(site, one));
  const nas = policy.nas.filter(({ site }) => isOurs(site));
  if (nas.length === policy.nas.length && policy.enforcementPoints.every(({ site }) => isOurs(site))) return policy;
  const names = new Set(nas.map(({ name }) => name));
  const proxies = policy.proxies.flatMap((proxy) => {
    const speaksFor = proxy.speaksFor.filter((name) => names.has(name));
    return speaksFor.length === 0 ? [] : [{ ...proxy, speaksFor }];
  });
  const enforcementPoints = policy.enforcementPoints.filter(
    (point) => isOurs(point.site) && (point.nas === null || names.has(point.nas)),
  );
  return { ...policy, nas, proxies, enforcementPoints };
}
