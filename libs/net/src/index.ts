export type { AclEntry } from './acl.js';
export * from './address.js';
export { firstMatchPrefixes, type PrefixLine } from './first-match.js';
export { IntervalAlgebra, type Interval } from './interval.js';
export { formatMacRadius, isLocallyAdministered, parseMac, type Mac } from './mac.js';
export * from './service.js';
