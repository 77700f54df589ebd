import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
  X509CrlGenerator,
  type Extension,
  type JsonGeneralNames,
  type X509Certificate,
} from '@peculiar/x509';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const day = 24 * 60 * 60 * 1000;

export interface Issued {
  /** PEM. */
  readonly certificate: string;
  readonly key: string;
  readonly serial: string;
}

/** An authority in memory. */
export class MemoryAuthority {
  private serial = 0x1000;

  private constructor(
    private readonly own: X509Certificate,
    private readonly keys: webcrypto.CryptoKeyPair,
  ) {}

  static async create(name = 'authority'): Promise<MemoryAuthority> {
    const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
    const own = await X509CertificateGenerator.createSelfSigned({
      name: `CN=${name}`,
      keys,
      signingAlgorithm: algorithm,
      serialNumber: '01',
      notBefore: new Date(Date.now() - day),
      notAfter: new Date(Date.now() + 365 * day),
      extensions: [
        new BasicConstraintsExtension(true, undefined, true),
        await SubjectKeyIdentifierExtension.create(keys.publicKey),
      ],
    });
    return new MemoryAuthority(own, keys);
  }

  get certificate(): string {
    return this.own.toString('pem');
  }

  async issue(
    subject: string,
    usage: 'clientAuth' | 'serverAuth',
    names: JsonGeneralNames,
    { from = Date.now() - day, until = Date.now() + day } = {},
  ): Promise<Issued> {
    const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
    const serialNumber = (this.serial++).toString(16);
    const extensions: Extension[] = [new ExtendedKeyUsageExtension([ExtendedKeyUsage[usage]])];
    if (names.length > 0) extensions.push(new SubjectAlternativeNameExtension(names));
    const certificate = await X509CertificateGenerator.create({
      subject,
      issuer: this.own.subject,
      publicKey: keys.publicKey,
      signingKey: this.keys.privateKey,
      signingAlgorithm: algorithm,
      serialNumber,
      notBefore: new Date(from),
      notAfter: new Date(until),
      extensions,
    });
    const key = PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY');
    return { certificate: certificate.toString('pem'), key, serial: serialNumber };
  }

  async revocationList(serials: readonly string[] = [], until = Date.now() + day): Promise<string> {
    const list = await X509CrlGenerator.create({
      issuer: this.own.subject,
      thisUpdate: new Date(Date.now() - day),
      nextUpdate: new Date(until),
      entries: serials.map((serialNumber) => ({ serialNumber, revocationDate: new Date(Date.now() - 1000) })),
      signingKey: this.keys.privateKey,
      signingAlgorithm: algorithm,
    });
    return PemConverter.encode(list.rawData, 'X509 CRL');
  }
}
