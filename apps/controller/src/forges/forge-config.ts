import { resolve } from 'node:path';
import type { Access } from '#gitops';
import { z } from 'zod';
import { ConfigError, readSecretFile } from '../config-error.js';
import { forgeKinds, type ForgeKind } from './hook-schemes.js';

/** Where the repository lives, for people and programs: its interface is told of rollouts, and asked for pull requests. */
export interface ForgeTarget {
  readonly kind: ForgeKind;
  /** Of its interface, without a slash at the end. */
  readonly api: string;
  /** `owner/name`; on GitLab with its groups. */
  readonly project: string;
  readonly token: string;
  /** What statuses of this controller are called. */
  readonly context: string;
  /** What a status links to. */
  readonly targetUrl: string | null;
}

/** How proposals are pushed, and their pull requests opened. */
export interface ProposalSettings {
  readonly access: Pick<Access, 'tokenFile' | 'sshKeyFile'>;
  /** What stands in the token file, for the interface of the forge. */
  readonly token: string | null;
}

const file = z.string().min(1).optional();

export const forgeVariables = {
  CORDON_HOOK_SECRET_FILE: file,
  CORDON_FORGE: z.enum(forgeKinds, `must be one of ${forgeKinds.join(', ')}`).optional(),
  CORDON_FORGE_URL: z.url('must be a URL').optional(),
  CORDON_FORGE_PROJECT: z
    .string()
    .regex(/^\w[\w.-]*(\/\w[\w.-]*)+$/, 'must be owner/name')
    .optional(),
  CORDON_FORGE_TOKEN_FILE: file,
  CORDON_FORGE_TARGET_URL: z.url('must be a URL').optional(),
  CORDON_PROPOSALS_TOKEN_FILE: file,
  CORDON_PROPOSALS_SSH_KEY_FILE: file,
};

export type ForgeValues = z.infer<z.ZodObject<typeof forgeVariables>>;

const shortestSecret = 16;

/** Two while one is replaced by the other. */
export function readHookSecrets({ CORDON_HOOK_SECRET_FILE: path }: ForgeValues): string[] {
  if (path === undefined) return [];
  const secrets = readSecretFile('CORDON_HOOK_SECRET_FILE', path).split(/\s+/).filter(Boolean);
  if (secrets.length < 1 || secrets.length > 2 || secrets.some(({ length }) => length < shortestSecret))
    throw new ConfigError(
      `CORDON_HOOK_SECRET_FILE must hold one secret of at least ${shortestSecret} characters, or two, each on its line; for example of: openssl rand -hex 32`,
    );
  return secrets;
}

const usualUrl: Readonly<Record<ForgeKind, string | null>> = {
  github: 'https://github.com',
  gitlab: 'https://gitlab.com',
  gitea: null,
};

export function readForge(values: ForgeValues, installation: string): ForgeTarget | null {
  const { CORDON_FORGE: kind, CORDON_FORGE_PROJECT: project, CORDON_FORGE_TOKEN_FILE: path } = values;
  if (kind === undefined) {
    if ((values.CORDON_FORGE_URL ?? project ?? path) === undefined) return null;
    throw new ConfigError(`CORDON_FORGE must say which forge this is: ${forgeKinds.join(', ')}`);
  }
  const url = values.CORDON_FORGE_URL ?? usualUrl[kind];
  if (url === null) throw new ConfigError('CORDON_FORGE=gitea needs CORDON_FORGE_URL, as in https://git.example.org');
  if (project === undefined || path === undefined)
    throw new ConfigError('CORDON_FORGE needs CORDON_FORGE_PROJECT (owner/name) and CORDON_FORGE_TOKEN_FILE');
  if (kind !== 'gitlab' && project.split('/').length !== 2)
    throw new ConfigError('CORDON_FORGE_PROJECT must be owner/name');
  return {
    kind,
    api: apiOf(kind, url),
    project,
    token: readToken('CORDON_FORGE_TOKEN_FILE', path),
    context: `cordon/${installation}`,
    targetUrl: values.CORDON_FORGE_TARGET_URL ?? null,
  };
}

/** From the address that people know: of its interface. */
function apiOf(kind: ForgeKind, written: string): string {
  const url = new URL(written);
  const isLoopback = /^(127(\.\d+){3}|\[::1\]|localhost)$/.test(url.hostname);
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLoopback))
    throw new ConfigError('CORDON_FORGE_URL must be https://…: a token goes there');
  if (url.username || url.password || url.search || url.hash)
    throw new ConfigError(
      'CORDON_FORGE_URL must be the address of the forge alone; the token goes into CORDON_FORGE_TOKEN_FILE',
    );
  const base = `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
  if (kind === 'github') return url.hostname === 'github.com' ? 'https://api.github.com' : `${base}/api/v3`;
  return kind === 'gitlab' ? `${base}/api/v4` : `${base}/api/v1`;
}

export function readProposals(values: ForgeValues): ProposalSettings {
  const { CORDON_PROPOSALS_TOKEN_FILE: tokenFile, CORDON_PROPOSALS_SSH_KEY_FILE: sshKeyFile } = values;
  if (tokenFile !== undefined && sshKeyFile !== undefined)
    throw new ConfigError('CORDON_PROPOSALS_TOKEN_FILE and CORDON_PROPOSALS_SSH_KEY_FILE are two ways: take one');
  // Ssh reads it itself; one that is missing is told at the start.
  if (sshKeyFile !== undefined) readSecretFile('CORDON_PROPOSALS_SSH_KEY_FILE', sshKeyFile);
  const whole = (path: string | undefined): string | null => (path === undefined ? null : resolve(path));
  return {
    access: { tokenFile: whole(tokenFile), sshKeyFile: whole(sshKeyFile) },
    token: tokenFile === undefined ? null : readToken('CORDON_PROPOSALS_TOKEN_FILE', tokenFile),
  };
}

function readToken(variable: string, path: string): string {
  const token = readSecretFile(variable, path).trim();
  if (!/^[\x21-\x7e]{8,1000}$/.test(token)) throw new ConfigError(`${variable} must hold a token, and nothing else`);
  return token;
}
