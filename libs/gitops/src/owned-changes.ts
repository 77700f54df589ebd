import type { Git } from './git.js';
import { isOwner, type Owners } from './owners.js';
import { printable } from './printable.js';
import type { Signatures, Signer } from './signatures.js';
import { SourceFault } from './source-fault.js';

interface Ports {
  readonly git: Git;
  readonly signatures: Pick<Signatures, 'signerOf'>;
  readonly owners: Owners;
  /** Policy folder, `` or with a slash at its end. */
  readonly prefix: string;
}

interface Step {
  readonly commit: string;
  readonly parents: readonly string[];
}

const mostSteps = 500;
const mostMerges = 10;
const mostNames = 16 * 1024 * 1024;

/**
 * Decides whether each change of an owned path between two commits was signed by one of its owners. The way from one to the other is
 * walked along first parents, so that the steps add up to the whole change. A merge may be signed by anybody if it only takes up what
 * owners signed on its other side, and this side had not touched.
 *
 * It does not decide whether the last commit is signed at all.
 */
export class OwnedChanges {
  private readonly signers = new Map<string, Promise<Signer | null>>();

  constructor(private readonly ports: Ports) {}

  /** `from` null: the mirror does not have it, and all is new in `to`. Throws SourceFault `owner-missing`. */
  async check(from: string | null, to: string): Promise<void> {
    const { owners } = this.ports;
    const changed = from === null ? await this.pathsOf(to) : await this.changes(from, to);
    const owned = new Set([...changed].filter((path) => owners.of(path) !== null));
    if (owned.size === 0) return;
    if (from === null) await this.checkStep({ commit: to, parents: [] }, owned, 0);
    else await this.checkWay(from, to, owned, 0);
  }

  private async checkWay(from: string, to: string, owned: ReadonlySet<string>, merges: number): Promise<void> {
    for (const step of await this.way(from, to)) {
      const changed = await this.changes(step.parents[0]!, step.commit);
      const here = new Set([...changed].filter((path) => owned.has(path)));
      if (here.size > 0) await this.checkStep(step, here, merges);
    }
  }

  private async checkStep(step: Step, changed: ReadonlySet<string>, merges: number): Promise<void> {
    const { owners } = this.ports;
    const signer = await this.signer(step.commit);
    const rest = [...changed].filter((path) => !signer || !isOwner(owners.of(path)!, signer));
    if (rest.length === 0) return;
    const base = merges < mostMerges ? await this.takenUp(step, rest) : null;
    if (base !== null) return this.checkWay(base, step.parents[1]!, new Set(rest), merges + 1);
    const path = rest.toSorted()[0]!;
    const { owners: names, line, pattern } = owners.of(path)!;
    throw new SourceFault(
      'owner-missing',
      `commit ${step.commit.slice(0, 12)} changes \`${printable(path)}\`, and is signed by ${signer ? signer[0] : 'nobody who is trusted'}, not by an owner: ${names.join(', ')}`,
      `have the change signed by an owner; \`${pattern}\` stands in line ${line} of CORDON_POLICY_OWNERS_FILE`,
    );
  }

  /** Where both sides of a merge parted, if these paths are as on its other side now, and this side had left them as they were. */
  private async takenUp({ commit, parents }: Step, paths: readonly string[]): Promise<string | null> {
    const [ours, theirs] = parents;
    if (ours === undefined || theirs === undefined || parents.length !== 2) return null;
    const bases = (await this.ports.git.end(['merge-base', '--all', ours, theirs])).stdout
      .toString()
      .trim()
      .split('\n');
    const base = bases.length === 1 && bases[0] !== '' ? bases[0]! : null;
    if (base === null) return null;
    const [since, other] = [await this.changes(base, ours), await this.changes(theirs, commit)];
    return paths.some((path) => since.has(path) || other.has(path)) ? null : base;
  }

  /** Oldest first. One step for the whole change where first parents do not lead back. */
  private async way(from: string, to: string): Promise<Step[]> {
    const args = ['rev-list', '--first-parent', '--parents', `--max-count=${mostSteps + 1}`, to, `^${from}`, '--'];
    const steps = (await this.ports.git.text(args))
      .split('\n')
      .filter(Boolean)
      .map((line) => {
        const [commit = '', ...parents] = line.split(' ');
        return { commit, parents };
      })
      .toReversed();
    if (steps.length > mostSteps)
      throw new SourceFault(
        'owner-missing',
        `there are more than ${mostSteps} commits since ${from.slice(0, 12)}, too many to look at`,
        'have one commit with all of the change signed by owners of all that it changes, on top of the commit in force',
      );
    return steps[0]?.parents[0] === from ? steps : [{ commit: to, parents: [from] }];
  }

  private async changes(from: string, to: string): Promise<Set<string>> {
    return this.names(['diff-tree', '-r', '-z', '--name-only', '--no-renames', from, to]);
  }

  private async pathsOf(commit: string): Promise<Set<string>> {
    return this.names(['ls-tree', '-r', '-z', '--name-only', '--full-tree', commit]);
  }

  /** Of the policy folder, relative to it. */
  private async names(args: readonly string[]): Promise<Set<string>> {
    const { git, prefix } = this.ports;
    const below = prefix ? ['--', prefix] : [];
    const names = (await git.text([...args, ...below], { mostOutput: mostNames })).split('\0');
    return new Set(
      names.filter((name) => name !== '' && name.startsWith(prefix)).map((name) => name.slice(prefix.length)),
    );
  }

  /** Null: nobody who is trusted. */
  private signer(commit: string): Promise<Signer | null> {
    const known = this.signers.get(commit);
    if (known) return known;
    const asked = this.ports.signatures
      .signerOf({ kind: 'commit', object: commit, name: commit.slice(0, 12) })
      .catch((error: unknown) => {
        if (error instanceof SourceFault && (error.code === 'not-signed' || error.code === 'signature-bad'))
          return null;
        throw error;
      });
    this.signers.set(commit, asked);
    return asked;
  }
}
