export type {
  ChangePlan,
  Driver,
  DriverCapabilities,
  DriverOptions,
  EnforcementSession,
  EnforcementTarget,
  ObservedState,
  RuleCounter,
} from './driver.js';
export { RemoteFault, TerminalFault } from './driver.js';
export { judgeByInvariant, type Packet, type PacketVerdict } from './invariant.js';
export { createNftablesDriver, type NftablesDriver } from './nftables/index.js';
export { parseTable } from './nftables/parse.js';
export type { SimulatedNft } from './nftables/simulated.js';
export type { NftField, NftRule, NftStatement, NftTable } from './nftables/table.js';
export { createOpenvswitchDriver, type OpenvswitchDriver } from './openvswitch/index.js';
export { driverNamed, drivers } from './registry.js';
