import type { Commit } from '#gitops';

/**
 * Who stands for a commit. `signature`: proved, by a key that the controller trusts; `claim`: written into its message, which anybody can;
 * `forge`: the forge says that this account approved its pull request.
 */
export type Approval =
  | { readonly kind: 'signature'; readonly name: string }
  | { readonly kind: 'claim'; readonly name: string; readonly trailer: string }
  | {
      readonly kind: 'forge';
      readonly name: string;
      /** Where people read of the pull request. */
      readonly pull: string;
      readonly at: string | null;
      /** What was approved is not the last that was pushed to it. */
      readonly isEarlier: boolean;
    };

/** What came of asking the forge for the approvals of a commit. */
export interface ForgeAsked {
  readonly at: string;
  /** Null: it came by none. */
  readonly pull: string | null;
  /** Null: it answered. */
  readonly problem: string | null;
}

/** Those that the commit has with it. `signer`: who signed it, if that was asked for. */
export const ownApprovals = ({ claims }: Pick<Commit, 'claims'>, signer: string | null): Approval[] => [
  ...(signer === null ? [] : [{ kind: 'signature' as const, name: signer }]),
  ...claims.map(({ name, trailer }) => ({ kind: 'claim' as const, name, trailer })),
];
