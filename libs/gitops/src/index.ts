export type { Environment } from './git.js';
export type { LineOrigin } from './line-origin.js';
export { PolicySource, type Commit, type PolicySourceOptions, type TreeLimits } from './policy-source.js';
export { showRepository, SourceFault, type SourceFaultCode } from './source-fault.js';
