import { createHash, randomBytes, verify, X509Certificate } from 'node:crypto';
import {
  BasicOCSPResponse,
  CertID,
  id_pkix_ocsp_basic,
  id_pkix_ocsp_nonce,
  OCSPRequest,
  OCSPResponse,
  OCSPResponseStatus,
  Request,
  type SingleResponse,
  TBSRequest,
} from '@peculiar/asn1-ocsp';
import { AsnConvert, OctetString } from '@peculiar/asn1-schema';
import { AlgorithmIdentifier, Certificate, Extension, Extensions } from '@peculiar/asn1-x509';
import { reasonOf } from '../log.js';

/** Where to ask about the certificates of one issuer. */
export interface Responder {
  readonly url: string;
  /** Whether a device may in while nobody answers. */
  readonly unreachable: 'accept' | 'refuse';
}

/** Null: not revoked, as far as one can know. */
export type RevocationReason = string | null;

interface Known {
  readonly reason: RevocationReason;
  readonly until: number;
}

const patience = 3000;
const mostResponseBytes = 64 * 1024;
/** An answer is believed for this long at most, and for this long where it does not say for how long. */
const mostTrust = 3_600_000;
const leastTrust = 60_000;
/** How far clocks may be apart. */
const skew = 300_000;
const mostKnown = 100_000;
const sha1 = '1.3.14.3.2.26';
const ocspSigning = '1.3.6.1.5.5.7.3.9';
const nonceLength = 16;

/** Posts a request; throws when there is no answer. */
export type Post = (url: string, body: Buffer) => Promise<Buffer>;

/**
 * The online certificate status protocol (RFC 6960), asked about devices' certificates. It remembers what was answered for as long
 * as the responder allows, an hour at most. Where to ask is the policy's to say: never the certificate's own.
 */
export class OcspClient {
  private readonly known = new Map<string, Known>();
  private readonly asked = new Map<string, Promise<RevocationReason>>();

  constructor(
    private readonly now: () => number,
    private readonly post: Post = postRequest,
  ) {}

  check(certificate: X509Certificate, issuer: X509Certificate, responder: Responder): Promise<RevocationReason> {
    const key = `${issuer.fingerprint256} ${certificate.serialNumber} ${responder.url}`;
    const known = this.known.get(key);
    if (known && known.until > this.now()) return Promise.resolve(known.reason);
    let asking = this.asked.get(key);
    if (!asking) {
      asking = this.ask(key, certificate, issuer, responder).finally(() => this.asked.delete(key));
      this.asked.set(key, asking);
    }
    return asking;
  }

  private async ask(
    key: string,
    certificate: X509Certificate,
    issuer: X509Certificate,
    { url, unreachable }: Responder,
  ): Promise<RevocationReason> {
    try {
      const id = certIdOf(certificate, issuer);
      const nonce = randomBytes(nonceLength);
      const answer = await this.post(url, encodeRequest(id, nonce));
      const { reason, nextUpdate } = readAnswer(answer, id, nonce, issuer, this.now());
      const until = Math.min(nextUpdate ?? this.now() + leastTrust, this.now() + mostTrust);
      if (this.known.size >= mostKnown) this.known.clear();
      this.known.set(key, { reason, until });
      return reason;
    } catch (error) {
      return unreachable === 'accept' ? null : `whether the certificate is revoked is not known: ${reasonOf(error)}`;
    }
  }
}

function certIdOf(certificate: X509Certificate, issuer: X509Certificate): CertID {
  const parsed = AsnConvert.parse(certificate.raw, Certificate);
  const { subject, subjectPublicKeyInfo } = AsnConvert.parse(issuer.raw, Certificate).tbsCertificate;
  return new CertID({
    hashAlgorithm: new AlgorithmIdentifier({ algorithm: sha1, parameters: null }),
    issuerNameHash: new OctetString(digest(Buffer.from(AsnConvert.serialize(subject)))),
    issuerKeyHash: new OctetString(digest(Buffer.from(subjectPublicKeyInfo.subjectPublicKey))),
    serialNumber: parsed.tbsCertificate.serialNumber,
  });
}

const digest = (bytes: Buffer): Buffer => createHash('sha1').update(bytes).digest();

function encodeRequest(id: CertID, nonce: Buffer): Buffer {
  const extnValue = new OctetString(Buffer.from(AsnConvert.serialize(new OctetString(nonce))));
  const requestExtensions = new Extensions([new Extension({ extnID: id_pkix_ocsp_nonce, extnValue })]);
  const tbsRequest = new TBSRequest({ requestList: [new Request({ reqCert: id })], requestExtensions });
  return Buffer.from(AsnConvert.serialize(new OCSPRequest({ tbsRequest })));
}

/** Throws on an answer that proves nothing. */
function readAnswer(
  bytes: Buffer,
  id: CertID,
  nonce: Buffer,
  issuer: X509Certificate,
  now: number,
): { readonly reason: RevocationReason; readonly nextUpdate: number | null } {
  const { responseStatus, responseBytes } = AsnConvert.parse(bytes, OCSPResponse);
  if (responseStatus !== OCSPResponseStatus.successful || responseBytes?.responseType !== id_pkix_ocsp_basic)
    throw new Error(`the responder answers with status ${responseStatus}`);
  const basic = AsnConvert.parse(responseBytes.response.buffer, BasicOCSPResponse);
  checkSignature(basic, issuer, now);
  const { responses, responseExtensions } = basic.tbsResponseData;
  const echoed = responseExtensions?.find(({ extnID }) => extnID === id_pkix_ocsp_nonce);
  // A responder that signs in advance has no nonce; one that has another answers somebody else.
  if (echoed && !Buffer.from(echoed.extnValue.buffer).subarray(-nonceLength).equals(nonce))
    throw new Error('the answer is to another question');
  const wanted = hexOf(id);
  const own = responses.find(({ certID }) => hexOf(certID) === wanted);
  if (!own) throw new Error('the answer is about another certificate');
  const nextUpdate = own.nextUpdate?.getTime() ?? null;
  const ends = nextUpdate ?? own.thisUpdate.getTime() + skew;
  if (own.thisUpdate.getTime() > now + skew || ends < now) throw new Error('the answer is not of today');
  return { reason: reasonIn(own), nextUpdate };
}

function reasonIn({ certStatus }: SingleResponse): RevocationReason {
  if (certStatus.revoked) return 'the certificate is revoked';
  return certStatus.good === undefined ? 'the responder does not know the certificate' : null;
}

const hexOf = ({ issuerNameHash, issuerKeyHash, serialNumber }: CertID): string =>
  [issuerNameHash.buffer, issuerKeyHash.buffer, serialNumber].map((part) => Buffer.from(part).toString('hex')).join();

const hashes: ReadonlyMap<string, string> = new Map([
  ['1.2.840.113549.1.1.11', 'sha256'],
  ['1.2.840.113549.1.1.12', 'sha384'],
  ['1.2.840.113549.1.1.13', 'sha512'],
  ['1.2.840.10045.4.3.2', 'sha256'],
  ['1.2.840.10045.4.3.3', 'sha384'],
  ['1.2.840.10045.4.3.4', 'sha512'],
]);

/** By the issuer itself, or by whom it made its responder (RFC 6960 §4.2.2.2). */
function checkSignature(basic: BasicOCSPResponse, issuer: X509Certificate, now: number): void {
  const hash = hashes.get(basic.signatureAlgorithm.algorithm);
  if (!hash) throw new Error(`the answer is signed with ${basic.signatureAlgorithm.algorithm}, which is not known`);
  const signed = Buffer.from(AsnConvert.serialize(basic.tbsResponseData));
  const signature = Buffer.from(basic.signature);
  const delegates = (basic.certs ?? [])
    .map((certificate) => new X509Certificate(Buffer.from(AsnConvert.serialize(certificate))))
    .filter((delegate) => isDelegate(delegate, issuer, now));
  const isSigned = [issuer, ...delegates].some(({ publicKey }) => verify(hash, signed, publicKey, signature));
  if (!isSigned) throw new Error('the answer is not signed by the issuer or its responder');
}

const isDelegate = (delegate: X509Certificate, issuer: X509Certificate, now: number): boolean =>
  delegate.checkIssued(issuer) &&
  delegate.verify(issuer.publicKey) &&
  // The extended usage, whatever Node calls it; undefined where there is none, whatever its types say.
  ((delegate.keyUsage as string[] | undefined) ?? []).includes(ocspSigning) &&
  delegate.validFromDate.getTime() <= now &&
  delegate.validToDate.getTime() >= now;

async function postRequest(url: string, body: Buffer): Promise<Buffer> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/ocsp-request' },
    body: new Uint8Array(body),
    redirect: 'error',
    signal: AbortSignal.timeout(patience),
  }).catch((error: unknown) => {
    throw new Error(`the responder at ${url} does not answer: ${reasonOf(error)}`, { cause: error });
  });
  if (!response.ok) throw new Error(`the responder at ${url} answers with ${response.status}`);
  const length = Number(response.headers.get('content-length') ?? 0);
  if (length > mostResponseBytes) throw new Error('the answer is too long');
  const answer = Buffer.from(await response.arrayBuffer());
  if (answer.length > mostResponseBytes) throw new Error('the answer is too long');
  return answer;
}
