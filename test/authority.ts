import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export type KeyKind = 'rsa' | 'ecdsa';

const newKey: Readonly<Record<KeyKind, string>> = {
  rsa: '-newkey rsa:2048',
  ecdsa: '-newkey ec -pkeyopt ec_paramgen_curve:prime256v1',
};

/** An authority that a test made, by `openssl`: it issues, revokes and publishes. */
export class TestAuthority {
  readonly certificate: string;
  private readonly folder: string;
  private readonly kind: KeyKind;

  constructor(folder: string, kind: KeyKind, name = `${kind} authority`) {
    this.folder = folder;
    this.kind = kind;
    mkdirSync(folder, { recursive: true });
    this.certificate = this.path('ca.pem');
    writeFileSync(this.path('index.txt'), '');
    writeFileSync(this.path('serial'), '1000\n');
    writeFileSync(this.path('crlnumber'), '01\n');
    writeFileSync(
      this.path('ca.conf'),
      [
        '[ca]',
        'default_ca = own',
        '[own]',
        `database = ${this.path('index.txt')}`,
        `serial = ${this.path('serial')}`,
        `crlnumber = ${this.path('crlnumber')}`,
        `new_certs_dir = ${folder}`,
        `certificate = ${this.certificate}`,
        `private_key = ${this.path('ca.key')}`,
        'default_md = sha256',
        'default_days = 30',
        'default_crl_days = 30',
        'unique_subject = no',
        'policy = any',
        'copy_extensions = copy',
        '[any]',
        'commonName = supplied',
        'serialNumber = optional',
        '[req]',
        'distinguished_name = dn',
        '[dn]',
      ].join('\n'),
    );
    this.openssl(
      `req -x509 ${newKey[kind]} -nodes -days 30 -keyout ${this.path('ca.key')} -out ${this.certificate}`,
      ['-subj', `/CN=${name}`],
      ['-addext', 'basicConstraints=critical,CA:true'],
      ['-addext', 'keyUsage=critical,keyCertSign,cRLSign'],
    );
    this.publish();
  }

  get revocationList(): string {
    return this.path('crl.pem');
  }

  /** `options`: of `openssl ca`, like dates. `deviceSerial`: of the device in the subject, as manufacturers write it. */
  issue(
    name: string,
    usage: 'serverAuth' | 'clientAuth',
    dnsName: string,
    options: readonly string[] = [],
    deviceSerial: string | null = null,
  ) {
    const issued = { certificate: this.path(`${name}.pem`), key: this.path(`${name}.key`) };
    const request = this.path(`${name}.csr`);
    this.openssl(
      `req -new ${newKey[this.kind]} -nodes -keyout ${issued.key} -out ${request}`,
      ['-subj', `/CN=${name}${deviceSerial === null ? '' : `/serialNumber=${deviceSerial}`}`],
      ['-addext', `subjectAltName=DNS:${dnsName}`],
      ['-addext', `extendedKeyUsage=${usage}`],
    );
    this.openssl(
      `ca -batch -config ${this.path('ca.conf')} -notext -in ${request} -out ${issued.certificate}`,
      options,
    );
    return issued;
  }

  revoke(certificate: string): void {
    this.openssl(`ca -config ${this.path('ca.conf')} -revoke ${certificate}`);
    this.publish();
  }

  private publish(): void {
    this.openssl(`ca -config ${this.path('ca.conf')} -gencrl -out ${this.revocationList}`);
  }

  private path(name: string): string {
    return join(this.folder, name);
  }

  /** `command`: words without spaces in them. */
  private openssl(command: string, ...options: readonly (readonly string[])[]): void {
    const env = { ...process.env, OPENSSL_CONF: this.path('ca.conf') };
    execFileSync('openssl', [...command.split(' '), ...options.flat()], { stdio: 'pipe', env });
  }
}
