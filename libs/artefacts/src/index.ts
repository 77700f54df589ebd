export { EnforcementProof } from './enforcement-proof.js';
export { filterPackets, linePackets, type Filter, type FilterLine } from './filter.js';
export { compare, renderProved, type Difference, type ProvenArtefact } from './prove.js';
export { portTargets, siteTargets } from './registry.js';
export type { ParseOptions, PortTarget, SiteTarget, TargetCapabilities } from './target.js';
export { describePart } from './describe-packets.js';
export type { PacketReason } from './intended/explain-packet.js';
export { policyBounds, type PolicyBounds } from './intended/policy-bounds.js';
export { isEqual, verifyFilter, type Finding, type Verification } from './verify-filter.js';
