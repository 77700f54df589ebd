export { answerAclDownload, readAclDownload, type AclDownload } from './acl-download.js';
export { readAccounting, type AccountingRecord, type AccountingStatus } from './accounting.js';
export * from './attributes.js';
export * from './build.js';
export { attributeNames, describeCode, types, vendorAttributeNames, vendors } from './dictionary.js';
export { readMacAuthentication, type MacAuthentication, type MacRefusal, type NotMac } from './mac-authentication.js';
export { aclPackets, formatPacket } from './acl-packets.js';
export { readDeviceSensor, type Sensed } from './device-sensor.js';
export { describeAttribute, type DescribedAttribute } from './describe.js';
export {
  bounceRequest,
  coaRequest,
  disconnectRequest,
  readDynamicAuthorizationReply,
  reauthenticateRequest,
  type DynamicAuthorizationReply,
} from './dynamic-authorization.js';
export { describeErrorCause, explainErrorCause, type ErrorReaction } from './error-causes.js';
export { EapConversation, type EapAnswer, type EapDiscard, type TlsPeer, type TlsStep } from './eap/conversation.js';
export {
  decodeEap,
  eapCodes,
  eapTypes,
  encodeEap,
  tlsMethods,
  type EapPacket,
  type TlsMethod,
} from './eap/eap-packet.js';
export { PeapInner } from './eap/peap.js';
export { decodeAvps, encodeAvp, TtlsInner } from './eap/ttls.js';
export type { ExportMaterial, FindProof, InnerMethod, InnerStep, PasswordProof } from './eap/tunnel.js';
export { masterSessionKeyLength, sessionKeyAttributes } from './eap/session-keys.js';
export { decodeTlsFrame, IncomingMessage, mostIncoming, OutgoingMessage } from './eap/tls-frames.js';
export type { AclForm, PortAcl } from './nas-profiles/acl-form.js';
export {
  checkAuthorization,
  maxAttributeBytes,
  countAclEntries,
  renderAuthorization,
  renderPortAcl,
  type AuthorizationCode,
} from './nas-profiles/authorization.js';
export { inlineAces } from './nas-profiles/cisco-aces.js';
export { downloadableAcl, takesDownloads, type DownloadableAcl } from './nas-profiles/downloadable-acl.js';
export { filterName, isFilterNameOf } from './nas-profiles/filter-name.js';
export { filterRules } from './nas-profiles/filter-rules.js';
export { parseCiscoAces } from './nas-profiles/parse-cisco-aces.js';
export { parseNasFilterRules } from './nas-profiles/parse-filter-rules.js';
export { nasProfile, nasProfileNames } from './nas-profiles/registry.js';
export { serverDownAbilities, type ServerDownAbilities } from './nas-profiles/server-down.js';
export { aclFamiliesOf, toldAcl } from './nas-profiles/told-acl.js';
export { verifyAcl } from './nas-profiles/verify-acl.js';
export {
  portAclScopes,
  type Authorization,
  type NasProfile,
  type PortAclScope,
  type SessionIdentification,
} from './nas-profiles/profile.js';
export {
  codes,
  decodePacket,
  encodeAttributes,
  encodedLength,
  hasRandomAuthenticator,
  headerLength,
  malformedReasons,
  maxPacketLength,
  maxValueLength,
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
