export { fileSchemas, type FileSchema } from './schema/file-schemas.js';
export { analysePolicy, reviewPolicy } from './analyse/analyse.js';
export { exportCasbin, type CasbinExport } from './casbin/export.js';
export { CasbinOracle, policyLines } from './casbin/oracle.js';
export { decodeSnapshot } from './codec/decode.js';
export { encodeSnapshot } from './codec/encode.js';
export { policyCodes, type PolicyCode } from './codes.js';
export { candidateOf } from './candidate.js';
export { compilePolicy, noProvenance, PolicyCompiler } from './compile/compile.js';
export { accessFor, effectivePosture, principalsOf, segmentIn } from './decide.js';
export { decideFlow, FlowDecider, type ResolvedSide } from './decider.js';
export type { FlowPacket, FlowVerdict, PacketSide } from './decide.js';
export { enforcementRules, partsOf, rulesWithoutFlows, sitesBelow, withParts } from './enforcement.js';
export { judge, type FlowQuery, type VerdictPart } from './explain.js';
export { addToPolicy, type Addition, type NewEntry, type NewLine } from './edit/add.js';
export { namePlaces, nameSpaces, type NameSpace } from './edit/name-places.js';
export { renameInPolicy, spacesOf, type RenamedPolicy, type Renaming } from './edit/rename.js';
export { explainFlow, type FlowExplanation } from './explain/explain-flow.js';
export type { ExplainedPart, MatchingRule, PacketBox } from './explain/parts.js';
export type { ExamplePacket, NearRule } from './explain/nearest.js';
export type { Placement, RoleTaken } from './explain/placement.js';
export { formatPolicy, type FormattedPolicy } from './format/format-policy.js';
export { ladderOf } from './ladder.js';
export { loadPolicy, PolicyLoader } from './load/load.js';
export { casbinModel } from './load/model.js';
export { didYouMean, suggest } from './load/suggest.js';
export type { Policy } from './policy.js';
export * from './snapshot.js';
export {
  breakGlassClass,
  changeStrategy,
  coverageOf,
  isCovered,
  nothingCovered,
  windowAt,
  type Coverage,
} from './rollout.js';
export { switchRules } from './switch-rules.js';
export { contradiction, foreignMaker, suspicionAction, type Contradiction } from './suspicions.js';
export { criticalAddresses, criticalPlaces, criticalRoleOf, type CriticalPlace } from './server-down.js';
export { buildSnapshot, PolicyChecker, type CheckedPolicy } from './verify/check.js';
export { pointFindings, type PointCheck } from './verify/points.js';
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
export { policyOfSites } from './installation.js';
export { locateWorkloads, noWorkloads, workloadKey, workloadsOf, type KnownWorkloads } from './workloads.js';
export { normalForm, type NormalForm, type RuleBox } from './compile/normal-form.js';
