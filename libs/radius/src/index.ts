export { readAccounting, type AccountingRecord, type AccountingStatus } from './accounting.js';
export * from './attributes.js';
export * from './build.js';
export { describeCode, types, vendors } from './dictionary.js';
export { readMacAuthentication, type MacAuthentication, type MacRefusal, type NotMac } from './mac-authentication.js';
export { isConsistentEntry, matchAcl, type AclPacket } from './acl.js';
export { aclPackets, formatPacket } from './acl-packets.js';
export { describeAttribute, type DescribedAttribute } from './describe.js';
export {
  coaRequest,
  describeErrorCause,
  disconnectRequest,
  readDynamicAuthorizationReply,
  type DynamicAuthorizationReply,
} from './dynamic-authorization.js';
export { EapConversation, type EapAnswer, type EapDiscard, type TlsPeer, type TlsStep } from './eap/conversation.js';
export { decodeEap, eapCodes, eapTypes, encodeEap, type EapPacket } from './eap/eap-packet.js';
export { masterSessionKeyLength, sessionKeyAttributes } from './eap/session-keys.js';
export { decodeTlsFrame, IncomingMessage, mostIncoming, OutgoingMessage } from './eap/tls-frames.js';
export {
  checkAuthorization,
  countAclEntries,
  renderAuthorization,
  type AuthorizationCode,
} from './nas-profiles/authorization.js';
export { parseCiscoAces } from './nas-profiles/parse-cisco-aces.js';
export { parseNasFilterRules } from './nas-profiles/parse-filter-rules.js';
export { nasProfile, nasProfileNames } from './nas-profiles/registry.js';
export { verifyAcl } from './nas-profiles/verify-acl.js';
export type { Authorization, NasProfile, SessionIdentification } from './nas-profiles/profile.js';
export {
  codes,
  decodePacket,
  encodeAttributes,
  encodedLength,
  hasRandomAuthenticator,
  malformedReasons,
  maxPacketLength,
  signReply,
  signRequest,
  type Attribute,
  type Code,
  type MalformedReason,
  type Packet,
  type RepliedRequest,
} from './packet.js';
export { hidePassword, revealPassword, verifyChap } from './password.js';
export { ntHash, scryptHash, verifyScrypt } from './password-hashes.js';
export { readRequestContext, readSsid, type RequestContext } from './request-context.js';
export { Secret } from './secret.js';
export {
  verifyMessageAuthenticator,
  verifyReply,
  verifyRequestAuthenticator,
  verifySignedRequest,
  type MessageAuthenticatorVerdict,
  type SignatureVerdict,
} from './verify.js';
