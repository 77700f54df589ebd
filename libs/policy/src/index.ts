export { CasbinOracle, policyLines } from './casbin/oracle.js';
export { decodeSnapshot, encodeSnapshot } from './codec.js';
export { policyCodes, type PolicyCode } from './codes.js';
export { compilePolicy, noProvenance } from './compile/compile.js';
export { accessFor, decideFlow, principalsOf } from './decide.js';
export type { FlowPacket, FlowVerdict, PacketSide } from './decide.js';
export { enforcementRules, sitesBelow } from './enforcement.js';
export { explainFlow, judge, type FlowQuery, type VerdictPart } from './explain.js';
export { loadPolicy } from './load/load.js';
export { casbinModel } from './load/model.js';
export { didYouMean, suggest } from './load/suggest.js';
export type { Policy } from './policy.js';
export * from './snapshot.js';
export { buildSnapshot } from './verify/check.js';
export { dedicatedAhead } from './verify/dedication.js';
export {
  failureHint,
  formatCounterexample,
  type Counterexample,
  type CounterexampleDevice,
  type CounterexamplePacket,
  type PolicyTestFailure,
} from './verify/failure.js';
export { runPolicyTests } from './verify/policy-tests.js';
export { normalForm, type NormalForm, type RuleBox } from './compile/normal-form.js';
