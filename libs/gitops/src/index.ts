export type { Access } from './access.js';
export type { Environment } from './git.js';
export type { LineOrigin } from './line-origin.js';
export { PolicySource, type Claim, type Commit, type PolicySourceOptions, type SourceLimits } from './policy-source.js';
export type { Reference } from './reference.js';
export { showRepository, SourceFault, sourceFaultCodes, type SourceFaultCode } from './source-fault.js';
export type { Trust } from './signatures.js';
export { ProposalFault, ProposalRepository, type NewCommit, type ProposalFaultCode } from './proposal.js';
