/*
 * The part of this library that the data plane runs on: a snapshot is read and asked, nothing is loaded or compiled. It
 * pulls in neither Casbin nor YAML, so that a bridge answers from disk soon after it was started.
 */
export { decodeSnapshot } from './codec/decode.js';
export { encodeSnapshot } from './codec/encode.js';
export { accessFor, effectivePosture, segmentIn } from './decide.js';
export { decideFlow } from './decider.js';
export type { FlowPacket, FlowVerdict, PacketSide } from './decide.js';
export { isExcepted } from './client-exceptions.js';
export { sitesBelow } from './enforcement.js';
export { ladderOf } from './ladder.js';
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
export { contradiction, foreignMaker, suspicionAction, type Contradiction } from './suspicions.js';
