export type { Environment } from './git.js';
export type { LineOrigin } from './line-origin.js';
export { ProposalFault, ProposalRepository, type NewCommit, type ProposalFaultCode } from './proposal.js';
export type { PushAccess } from './push-access.js';
export { PolicySource, type Commit, type PolicySourceOptions, type TreeLimits } from './policy-source.js';
export { showRepository, SourceFault, type SourceFaultCode } from './source-fault.js';
