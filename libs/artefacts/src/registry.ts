import { arubaCxPolicy } from './aruba-cx-policy/index.js';
import { arubaNasFilterRule } from './aruba-nas-filter-rule/index.js';
import { ciscoAcl } from './cisco-acl/index.js';
import { ciscoInacl } from './cisco-inacl/index.js';
import { juniperFilter } from './juniper-filter/index.js';
import { juniperSwitchingFilter } from './juniper-switching-filter/index.js';
import { nasFilterRule } from './nas-filter-rule/index.js';
import { openflow } from './openflow/index.js';
import { nftables } from './nftables/index.js';
import type { PortTarget, SiteTarget } from './target.js';

/** Every target there is, by name. Listed by hand: what is here has passed the contract suite. */
export const portTargets: ReadonlyMap<string, PortTarget> = new Map(
  [
    nasFilterRule,
    ciscoInacl,
    ciscoAcl,
    arubaNasFilterRule,
    arubaCxPolicy,
    juniperSwitchingFilter,
    juniperFilter,
    openflow,
  ].map((target) => [target.name, target]),
);

export const siteTargets: ReadonlyMap<string, SiteTarget> = new Map([nftables].map((target) => [target.name, target]));
