export { capircaCodes, type CapircaCode } from './codes.js';
export { capircaExists, importCapirca, type CapircaImport, type CapircaImportInput } from './import-capirca.js';
export type { Including } from './parse-policy.js';
export { instantsOf, proveCapirca, type CapircaProof } from './prove-capirca.js';
export type { Term } from './term.js';
export type { LeftOutTerm } from './translate.js';
export type { CapircaRule } from './write-policy.js';
