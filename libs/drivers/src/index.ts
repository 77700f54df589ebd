export type {
  ChangePlan,
  Driver,
  DriverCapabilities,
  EnforcementSession,
  EnforcementTarget,
  ObservedState,
  RuleCounter,
} from './driver.js';
export { RemoteFault, TerminalFault } from './driver.js';
export { judgeByInvariant, type Packet, type PacketVerdict } from './invariant.js';
export { createNftablesDriver, type NftablesDriver } from './nftables/index.js';
export type { SimulatedNft } from './nftables/simulated.js';
export { driverNamed, drivers } from './registry.js';
