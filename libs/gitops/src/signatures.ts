import { readFile } from 'node:fs/promises';
import { Git, type GitOptions, type Setting } from './git.js';
import { printable } from './printable.js';
import { SourceFault } from './source-fault.js';

/** Whose signature makes a policy. From the controller's configuration, never from the repository. */
export interface Trust {
  /** Allowed signers of SSH, as in ssh-keygen(1); null: no SSH key is trusted. */
  readonly signersFile: string | null;
  /** A home folder of GnuPG whose every key is trusted; null: no OpenPGP key is. */
  readonly keyring: string | null;
  /** Who must sign changes of which paths (see owners.ts); null: any trusted signer. */
  readonly ownersFile: string | null;
}

/** Each name that may stand for the signer in a file of owners: principals, addresses, fingerprints. The first is shown. */
export type Signer = readonly string[];

/** A commit or a tag. `name` is what people know it by. */
export interface Signed {
  readonly kind: 'commit' | 'tag';
  readonly object: string;
  readonly name: string;
}

const remedy =
  'have it signed by somebody whom the controller trusts (`git commit -S`, `git tag -s`): docs/source.md, or add the key to CORDON_POLICY_SIGNERS_FILE or CORDON_POLICY_KEYRING';
const longest = 2 * 1024 * 1024;

/**
 * Asks git and its programs who signed. They see the trusted keys only: what the user of the controller or the system has configured
 * for git does not count here, and a kind of signature without trusted keys is refused.
 *
 * It does not decide what must be signed (policy-source.ts, owned-changes.ts).
 */
export class Signatures {
  private readonly git: Git;

  constructor(
    options: GitOptions,
    private readonly trust: Trust,
  ) {
    const { signersFile, keyring } = trust;
    const nobody = 'false';
    const settings: Setting[] = [
      ['gpg.ssh.allowedSignersFile', signersFile ?? '/dev/null'],
      ['gpg.ssh.program', signersFile === null ? nobody : 'ssh-keygen'],
      ['gpg.openpgp.program', keyring === null ? nobody : 'gpg'],
      ['gpg.x509.program', nobody],
    ];
    const variables = {
      GIT_CONFIG_GLOBAL: '/dev/null',
      GIT_CONFIG_NOSYSTEM: '1',
      GNUPGHOME: keyring ?? '/nonexistent',
    };
    this.git = new Git({ ...options, settings, variables });
  }

  /** Throws SourceFault: nobody signed, or nobody who is trusted, or not this. */
  async signerOf(signed: Signed): Promise<Signer> {
    await this.checkTrusted();
    const { kind, object } = signed;
    const { code, stderr } = await this.git.end([`verify-${kind}`, '--raw', object], { mostOutput: longest });
    const signer = code === 0 ? parseSigner(stderr) : null;
    if (signer) return signer;
    throw (await this.isSigned(signed)) ? badSignature(signed, stderr) : notSigned(signed);
  }

  /** A file that can't be read trusts nobody, and that is said as it is. */
  private async checkTrusted(): Promise<void> {
    const { signersFile } = this.trust;
    if (signersFile === null) return;
    await readFile(signersFile).catch((error: unknown) => {
      throw new SourceFault(
        'trust-unreadable',
        `can't read CORDON_POLICY_SIGNERS_FILE: ${error instanceof Error ? error.message : String(error)}`,
        'give the user of the controller a file of allowed signers that it may read: docs/source.md',
      );
    });
  }

  private async isSigned({ kind, object }: Signed): Promise<boolean> {
    const text = await this.git.text(['cat-file', kind, object], { mostOutput: longest });
    if (kind === 'tag') return /^-----BEGIN (SSH|PGP|SIGNED) /m.test(text);
    return /^gpgsig(-sha256)? /m.test(text.slice(0, text.indexOf('\n\n')));
  }
}

/** Who signed, as the programs say of a good signature: ssh-keygen for people, GnuPG in its status lines. */
export function parseSigner(said: string): Signer | null {
  const ssh = /^Good "git" signature for (.+) with \S+ key (SHA256:[A-Za-z0-9+/]+)$/m.exec(said);
  if (ssh) return [ssh[1]!, ssh[2]!];
  const valid = /^\[GNUPG:\] VALIDSIG ([0-9A-F]{40,64}) .*?(?: ([0-9A-F]{40,64}))?$/m.exec(said);
  const good = /^\[GNUPG:\] GOODSIG [0-9A-F]+ (.*)$/m.exec(said);
  if (!valid || !good) return null;
  const address = /<([^<>]+)>$/.exec(good[1]!)?.[1];
  return [...new Set([...(address === undefined ? [] : [address]), valid[2] ?? valid[1]!, valid[1]!])];
}

const nameOf = ({ kind, name }: Signed): string => `${kind} ${printable(name)}`;

function notSigned(signed: Signed): SourceFault {
  return new SourceFault('not-signed', `${nameOf(signed)} is not signed`, remedy);
}

function badSignature(signed: Signed, said: string): SourceFault {
  const key = /(SHA256:[A-Za-z0-9+/]+)/.exec(said) ?? /^\[GNUPG:\] (?:\w+SIG|NO_PUBKEY) ([0-9A-F]{16,64})/m.exec(said);
  const by = key ? ` by key ${key[1]}` : '';
  return new SourceFault('signature-bad', `${nameOf(signed)} is signed${by}, but ${problemOf(said)}`, remedy);
}

const problems: readonly (readonly [RegExp, string])[] = [
  [/NO_PUBKEY|No principal matched/, 'the controller does not know that key'],
  [/EXPKEYSIG|KEYEXPIRED/, 'the key has expired'],
  [/REVKEYSIG|revoked/i, 'the key is revoked'],
  [/EXPSIG/, 'the signature has expired'],
  [/BADSIG|incorrect signature/, 'something else than this was signed'],
];

/** Without a word it was the program that stands for a kind of key that is not trusted. */
function problemOf(said: string): string {
  const known = problems.find(([pattern]) => pattern.test(said));
  if (known) return known[1];
  const line = said.split('\n').find((each) => each.trim() !== '');
  return line === undefined ? 'no key of that kind is trusted' : `that could not be verified: ${printable(line)}`;
}
