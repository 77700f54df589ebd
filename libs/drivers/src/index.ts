export type {
  ChangePlan,
  ConnectionListing,
  Driver,
  DriverCapabilities,
  DriverOptions,
  EnforcementSession,
  EnforcementTarget,
  ObservedState,
  ObservedVlan,
  RuleCounter,
  SwitchMeaning,
} from './driver.js';
export { candidateDifference, sizeOfDifference, type CandidateDifference } from './candidate-difference.js';
export { RemoteFault, TerminalFault } from './driver.js';
export { judgeByInvariant, type Packet, type PacketVerdict } from './invariant.js';
export { createCliDriver, type CliDriver } from './cli-over-ssh/index.js';
export { createKubernetesDriver } from './kubernetes/index.js';
export { parsePolicies } from './kubernetes/parse.js';
export type { ParsedPolicy, ParsedRule } from './kubernetes/policies.js';
export type { ServiceAddresses } from './kubernetes/watch.js';
export { watchCluster } from './kubernetes/watch-cluster.js';
export { createNetconfDriver, type NetconfDriver } from './netconf/index.js';
export { createNftablesDriver, type NftablesDriver } from './nftables/index.js';
export { parseTable } from './nftables/parse.js';
export type { SimulatedNft } from './nftables/simulated.js';
export { isOnlyTold, type NftField, type NftRule, type NftStatement, type NftTable } from './nftables/table.js';
export { auditPrefix, isWatching, verdictAmongWatching } from './nftables/watching.js';
export { createOpenvswitchDriver, type OpenvswitchDriver } from './openvswitch/index.js';
export type { Action as FlowAction, Condition as FlowCondition } from './openvswitch/conditions.js';
export { layoutOf, registers, type Layout } from './openvswitch/layout.js';
export { readMember, setName } from './openvswitch/members.js';
export { parseArtefact } from './openvswitch/parse.js';
export { readTables, type KnownFlow, type KnownTables, type Level } from './openvswitch/tables.js';
export { stateBits } from './openvswitch/conditions.js';
export { checkPoint, driverNamed, drivers } from './registry.js';
