import { createHash, timingSafeEqual } from 'node:crypto';
import type { AuthenticationMethod } from '#model';
import type { Mac } from '#net';
import { readMacAuthentication, readRequestContext, type Attribute, type RequestContext } from '#radius';
import { acceptAttributes } from '../authentication/accept-attributes.js';
import type { AuthorizedAccess } from '../authentication/authorizer.js';
import type { DecisionIds } from '../authentication/decision-id.js';
import type { DecisionLog } from '../authentication/decision-log.js';
import type { DecisionRecorder, Refusal } from '../authentication/decision-recorder.js';
import { macRefusals } from '../authentication/mac-refusals.js';
import { reauthenticationSeconds } from '../authentication/reauthentication.js';
import type { RestCaller } from '../clients/client-table.js';
import type { Proxied } from '../clients/proxied-nas.js';
import type { Counters } from '../counters.js';
import type { CredentialIndex } from '../credential-index.js';
import type { DeviceIndex } from '../device-index.js';
import { whyOther } from '../eap/named-device.js';
import type { AuthenticationNote } from '../journal/recorder.js';
import { reasonOf } from '../log.js';
import type { ActivePolicy, SnapshotStore } from '../snapshot-store.js';
import type { ClaimedCertificates } from './claimed-certificates.js';
import { attributesOf, callerOf, onlyValue, readClaims, valuesOf, type Claims } from './claims.js';
import { refusalJson, replyJson, type ReplyJson } from './reply-json.js';

export interface RestPorts {
  readonly snapshots: SnapshotStore;
  readonly devices: DeviceIndex;
  readonly credentials: CredentialIndex;
  readonly certificates: ClaimedCertificates;
  readonly decisions: DecisionRecorder;
  readonly counters: Counters;
}

/**
 * For rlm_rest: 200 lets the device in, 401 rejects it with a reason for FreeRADIUS's log, and what is neither makes FreeRADIUS's
 * module fail: then it should be silent.
 */
export interface RestAnswer {
  readonly status: 200 | 400 | 401 | 503;
  readonly body: ReplyJson;
}

/** Which device it is, and how that was shown. */
type Identity = { readonly mac: Mac; readonly method: AuthenticationMethod } | Refusal;

interface Asked extends Proxied {
  readonly claims: Claims;
  readonly attributes: readonly Attribute[];
  readonly context: RequestContext;
  readonly policy: ActivePolicy;
  readonly since: number;
}

/**
 * What FreeRADIUS asks after it has ended EAP itself, or about a MAC:
 *
 *   token ▶ which proxy ▶ which of its NASes ▶ which device, as far as it can be believed ▶ authorizer ▶ attributes as JSON
 *
 * It believes of FreeRADIUS that EAP ended well, and what the certificate and the inner name were. Which device these are of, and that
 * it is the one on the port, is decided here by the rules that hold for EAP with Cordon itself; the same decisions are written down.
 */
export class RestAuthorization {
  constructor(
    private readonly ports: RestPorts,
    private readonly decisionIds: DecisionIds,
    private readonly now: () => number,
    private readonly logDecision: DecisionLog | null,
  ) {}

  /** `json`: undefined where the body was none. */
  answer(token: string | null, json: unknown): RestAnswer {
    const since = performance.now();
    const { snapshots, counters } = this.ports;
    counters.add('rest.requests');
    const policy = snapshots.current;
    if (!policy) return this.refused(503, 'no-snapshot', 'there is no policy to decide by', null);
    const caller = callerOfToken(policy.clients.restCallers, token);
    if (!caller) return this.refused(401, 'token', 'the token is not that of a proxy of network/proxies.yaml', null);
    const claims = readClaims(json);
    if (!claims) return this.refused(400, 'malformed', 'the request is not what rlm_rest writes as JSON', caller);
    const attributes = attributesOf(claims);
    if (typeof attributes === 'string')
      return this.refused(401, 'malformed', `${attributes} has a value that it can't have`, caller);
    const about = caller.nas.find({ attributes });
    if (typeof about === 'string')
      return this.refused(401, about, `${about}: NAS-IP-Address or NAS-IPv6-Address has to name one switch`, caller);
    return this.decide({ ...about, claims, attributes, context: readRequestContext({ attributes }), policy, since });
  }

  private decide(asked: Asked): RestAnswer {
    const { client, context, policy } = asked;
    const identity = this.identify(asked);
    if ('reason' in identity) return this.reject(asked, identity);
    const { mac, method } = identity;
    const device = this.ports.devices.find(mac);
    const decision = policy.authorizer.decide({ nas: client.nas, ssid: context.ssid }, mac, device, method);
    if (decision.kind === 'refused') return this.reject(asked, { ...decision, mac, method });
    return this.accept(asked, mac, method, decision);
  }

  private accept(asked: Asked, mac: Mac, method: AuthenticationMethod, decision: AuthorizedAccess): RestAnswer {
    const { client } = asked;
    const decisionId = this.decisionIds.next();
    const seconds = reauthenticationSeconds(client.nas.sessionTimeout, mac);
    let body: ReplyJson;
    try {
      body = replyJson(acceptAttributes(decision.block, seconds, decisionId));
    } catch (error) {
      return this.reject(asked, { mac, reason: 'not-renderable', detail: reasonOf(error) });
    }
    const accepted = { asked: { ...asked, exception: null }, context: asked.context, mac, decision, method };
    this.log(this.ports.decisions.accepted(accepted, decisionId), asked.since);
    return { status: 200, body };
  }

  private reject({ client, context, since }: Asked, refusal: Refusal): RestAnswer {
    this.log(this.ports.decisions.rejected(client.nas.name, context, refusal), since);
    return { status: 401, body: refusalJson(refusal.detail) };
  }

  /** Nothing is known that could be written down as a decision. */
  private refused(status: 400 | 401 | 503, reason: string, detail: string, caller: RestCaller | null): RestAnswer {
    const name = `rest.refused.${reason}`;
    if (caller) this.ports.counters.addFor(caller.name, name);
    else this.ports.counters.add(name);
    return { status, body: refusalJson(detail) };
  }

  private log(note: AuthenticationNote, since: number): void {
    this.logDecision?.(note, performance.now() - since);
  }

  /** EAP-Type is FreeRADIUS's own: no packet has it. Where there is EAP and no such proof of it, a MAC alone must not do. */
  private identify({ claims, attributes, context }: Asked): Identity {
    const isEap = ['EAP-Type', 'EAP-Message'].some((name) => valuesOf(claims, name).length > 0);
    if (!isEap) return identifyMac(attributes, context);
    const caller = callerOf(claims);
    if (!caller)
      return failed(null, 'the request does not say once which device asks: let the switch send Calling-Station-Id');
    const method = onlyValue(claims, 'EAP-Type');
    if (method === 'TLS') return this.identifyCertificate(claims, caller);
    if (method === 'PEAP' || method === 'TTLS') return this.identifyName(claims, caller);
    return failed(null, `EAP-Type is ${method ?? 'not there'}: FreeRADIUS has to ask after EAP-TLS, PEAP or EAP-TTLS`);
  }

  private identifyCertificate(claims: Claims, caller: Mac): Identity {
    const judgement = this.ports.certificates.judge(claims, new Date(this.now()));
    if ('reason' in judgement) return failed(null, judgement.reason);
    const other = whyOther(judgement, caller, this.ports.devices.serialOf(caller));
    return other === null ? { mac: caller, method: 'certificate' } : failed(null, other);
  }

  /** The password was FreeRADIUS's to check; whose the name is, only Cordon's credentials say. */
  private identifyName(claims: Claims, caller: Mac): Identity {
    const name = onlyValue(claims, 'Cordon-Inner-User');
    if (name === null)
      return failed(null, 'FreeRADIUS did not tell the name that was proved inside of the tunnel (Cordon-Inner-User)');
    const credential = this.ports.credentials.find(name);
    if (!credential) return failed(null, `\`${name}\` is the name of no device`);
    return credential.mac === caller
      ? { mac: caller, method: 'password' }
      : failed(null, `\`${name}\` is the name of ${credential.mac}, which is not the device on this port`);
  }
}

const failed = (mac: Mac | null, detail: string): Refusal => ({ mac, reason: 'eap-failed', detail });

function identifyMac(attributes: readonly Attribute[], context: RequestContext): Identity {
  const reading = readMacAuthentication({ attributes }, context);
  if (reading.kind === 'mac') return { mac: reading.mac, method: 'mac' };
  const { reason } = reading;
  return { mac: null, reason, detail: macRefusals[reason] };
}

/** Compared by their hashes: neither length nor content shows in the time that it takes. */
function callerOfToken(callers: readonly RestCaller[], token: string | null): RestCaller | null {
  if (token === null) return null;
  const wanted = digestOf(token);
  return callers.find((caller) => timingSafeEqual(digestOf(caller.token), wanted)) ?? null;
}

const digestOf = (text: string): Buffer => createHash('sha256').update(text).digest();
