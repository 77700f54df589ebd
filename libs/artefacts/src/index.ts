export { filterPackets, linePackets, type Filter, type FilterLine } from './filter.js';
export { compare, renderProved, type Difference, type ProvenArtefact } from './prove.js';
export { portTargets } from './registry.js';
export type { ParseOptions, PortTarget, TargetCapabilities } from './target.js';
