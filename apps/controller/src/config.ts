import { randomBytes } from 'node:crypto';
import { accessSync, constants, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { z } from 'zod';
import type { Access, Environment, Reference, Trust } from '#gitops';
import { ConfigError, readSecretFile } from './config-error.js';
import {
  forgeVariables,
  readForge,
  readHookSecrets,
  readProposals,
  type ForgeTarget,
  type ProposalSettings,
} from './forges/forge-config.js';
import type { WebhookTarget } from './webhooks/deliver.js';

export { ConfigError } from './config-error.js';

/** All that can be set from outside; the only place that reads the environment. */
export interface Config {
  /** The release. */
  readonly version: string;
  /** Shared with the bridge on the same machine. */
  readonly data: string;
  readonly http: { readonly host: string; readonly port: number };
  readonly policy: {
    readonly repository: string;
    readonly reference: Reference;
    readonly access: Access;
    readonly trust: Trust | null;
    readonly path: string;
    readonly pollSeconds: number;
    /** Whose switches and enforcement points are this installation's; null: of all. */
    readonly sites: readonly string[] | null;
  };
  /** Seconds between two looks at an enforcement point that should be in sync. */
  readonly resyncSeconds: number;
  /** How much of what happened is kept. */
  readonly history: { readonly days: number; readonly rows: number };
  /** Who hears of what happens; null: nobody. */
  readonly webhook: WebhookTarget | null;
  /** What deliveries of the forge are signed with; none: they are not taken. */
  readonly hookSecrets: readonly string[];
  /** Who is told what became of a commit; null: nobody. */
  readonly forge: ForgeTarget | null;
  readonly proposals: ProposalSettings;
  readonly bridgeToken: string;
  readonly adminToken: string | null;
  readonly instance: string;
  /** What this installation is called where several share a repository. */
  readonly installation: string;
  /** For git alone, which takes from it what it needs (HOME, PATH, SSH agent). */
  readonly environment: Environment;
}

const token = z.string().min(16, 'must have at least 16 characters');
const seconds = (fallback: number) => z.coerce.number().min(0.1).max(86_400).default(fallback);

const schema = z.object({
  CORDON_DATA: z.string().min(1).default('./.cordon'),
  CORDON_HTTP: z
    .string()
    .regex(/^(\[[0-9a-f:]+\]|[^:]+):\d{1,5}$/i, 'must be host:port, for example 127.0.0.1:8080')
    .default('127.0.0.1:8080'),
  CORDON_POLICY_REPOSITORY: z.string({ error: 'is required: the path or URL of the policy repository' }).min(1),
  CORDON_POLICY_BRANCH: z.string().min(1).optional(),
  CORDON_POLICY_TAGS: z.string().min(1).optional(),
  CORDON_POLICY_SSH_KEY_FILE: z.string().min(1).optional(),
  CORDON_POLICY_SSH_KNOWN_HOSTS_FILE: z.string().min(1).optional(),
  CORDON_POLICY_TOKEN_FILE: z.string().min(1).optional(),
  CORDON_POLICY_SIGNERS_FILE: z.string().min(1).optional(),
  CORDON_POLICY_KEYRING: z.string().min(1).optional(),
  CORDON_POLICY_OWNERS_FILE: z.string().min(1).optional(),
  CORDON_POLICY_PATH: z.string().min(1).default('.'),
  CORDON_POLICY_POLL_SECONDS: seconds(10),
  CORDON_SITES: z
    .string()
    .regex(/^[a-z0-9-]+(\s*,\s*[a-z0-9-]+)*$/, 'must be names of sites, with commas between them')
    .optional(),
  CORDON_INSTALLATION: z
    .string()
    .regex(/^[\w.-]{1,64}$/, 'must be a name of letters, digits, dots and dashes')
    .default('production'),
  CORDON_RESYNC_SECONDS: seconds(5),
  CORDON_AUTHENTICATIONS_KEEP_DAYS: z.coerce.number().min(1).max(3650).default(90),
  CORDON_AUTHENTICATIONS_KEEP_ROWS: z.coerce.number().int().min(1000).max(100_000_000).default(5_000_000),
  CORDON_WEBHOOK_URL: z.url('must be a URL').optional(),
  CORDON_WEBHOOK_SECRET: z.string().optional(),
  CORDON_WEBHOOK_SECRET_FILE: z.string().min(1).optional(),
  CORDON_WEBHOOK_INSECURE: z.literal('1').optional(),
  ...forgeVariables,
  CORDON_BRIDGE_TOKEN: token.optional(),
  CORDON_ADMIN_TOKEN: token.optional(),
});

export function loadConfig(environment: Environment): Config {
  const parsed = schema.safeParse(environment);
  if (!parsed.success) {
    const lines = parsed.error.issues.map((issue) => `  ${issue.path.join('.')} ${issue.message}`);
    throw new ConfigError(`the configuration has ${lines.length} error(s):\n${lines.join('\n')}`);
  }
  const values = parsed.data;
  const data = resolve(values.CORDON_DATA);
  mkdirSync(join(data, 'controller'), { recursive: true, mode: 0o700 });
  const colon = values.CORDON_HTTP.lastIndexOf(':');
  return {
    version: release(),
    data,
    http: {
      host: values.CORDON_HTTP.slice(0, colon).replace(/^\[|\]$/g, ''),
      port: Number(values.CORDON_HTTP.slice(colon + 1)),
    },
    policy: {
      repository: values.CORDON_POLICY_REPOSITORY,
      reference: readReference(values),
      access: {
        sshKeyFile: readable('CORDON_POLICY_SSH_KEY_FILE', values.CORDON_POLICY_SSH_KEY_FILE),
        knownHostsFile: readable('CORDON_POLICY_SSH_KNOWN_HOSTS_FILE', values.CORDON_POLICY_SSH_KNOWN_HOSTS_FILE),
        tokenFile: readable('CORDON_POLICY_TOKEN_FILE', values.CORDON_POLICY_TOKEN_FILE),
      },
      trust: readTrust(values),
      path: values.CORDON_POLICY_PATH,
      pollSeconds: values.CORDON_POLICY_POLL_SECONDS,
      sites: values.CORDON_SITES?.split(/\s*,\s*/).sort() ?? null,
    },
    resyncSeconds: values.CORDON_RESYNC_SECONDS,
    history: { days: values.CORDON_AUTHENTICATIONS_KEEP_DAYS, rows: values.CORDON_AUTHENTICATIONS_KEEP_ROWS },
    webhook: readWebhook(values),
    hookSecrets: readHookSecrets(values),
    forge: readForge(values, values.CORDON_INSTALLATION),
    proposals: readProposals(values),
    bridgeToken: values.CORDON_BRIDGE_TOKEN ?? bridgeTokenFile(join(data, 'bridge-token')),
    adminToken: values.CORDON_ADMIN_TOKEN ?? null,
    instance: hostname(),
    installation: values.CORDON_INSTALLATION,
    environment,
  };
}

function readReference({ CORDON_POLICY_BRANCH: name, CORDON_POLICY_TAGS: pattern }: z.infer<typeof schema>): Reference {
  if (pattern === undefined) return { kind: 'branch', name: name ?? 'main' };
  if (name === undefined) return { kind: 'tags', pattern };
  throw new ConfigError('CORDON_POLICY_BRANCH and CORDON_POLICY_TAGS are both set: policy comes from one of the two');
}

function readTrust(values: z.infer<typeof schema>): Trust | null {
  const { CORDON_POLICY_SIGNERS_FILE, CORDON_POLICY_KEYRING, CORDON_POLICY_OWNERS_FILE } = values;
  const trust = {
    signersFile: readable('CORDON_POLICY_SIGNERS_FILE', CORDON_POLICY_SIGNERS_FILE),
    keyring: readable('CORDON_POLICY_KEYRING', CORDON_POLICY_KEYRING),
    ownersFile: readable('CORDON_POLICY_OWNERS_FILE', CORDON_POLICY_OWNERS_FILE),
  };
  if (trust.signersFile !== null || trust.keyring !== null) return trust;
  if (trust.ownersFile === null) return null;
  throw new ConfigError(
    'CORDON_POLICY_OWNERS_FILE needs CORDON_POLICY_SIGNERS_FILE or CORDON_POLICY_KEYRING: without them no signature counts',
  );
}

/** The whole path of a file or folder that this user may read; null when none is named. */
function readable(variable: string, path: string | undefined): string | null {
  if (path === undefined) return null;
  const whole = resolve(path);
  try {
    accessSync(whole, constants.R_OK);
  } catch (error) {
    throw new ConfigError(`${variable} can't be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  return whole;
}

function readWebhook(values: z.infer<typeof schema>): WebhookTarget | null {
  const { CORDON_WEBHOOK_URL: written, CORDON_WEBHOOK_SECRET, CORDON_WEBHOOK_SECRET_FILE: file } = values;
  if (written === undefined) return null;
  const url = new URL(written);
  const isLoopback = /^(127(\.\d+){3}|\[::1\]|localhost)$/.test(url.hostname);
  const isAllowed = isLoopback || values.CORDON_WEBHOOK_INSECURE === '1';
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isAllowed))
    throw new ConfigError(
      'CORDON_WEBHOOK_URL must be https://…: what it is told is about devices. CORDON_WEBHOOK_INSECURE=1 lets http:// leave the host',
    );
  if (url.username || url.password)
    throw new ConfigError('CORDON_WEBHOOK_URL must have no user and password: the signature says who sends');
  const secret = file === undefined ? CORDON_WEBHOOK_SECRET : readSecretFile('CORDON_WEBHOOK_SECRET_FILE', file);
  if (secret === undefined || (file !== undefined && CORDON_WEBHOOK_SECRET !== undefined))
    throw new ConfigError(
      'CORDON_WEBHOOK_URL needs CORDON_WEBHOOK_SECRET or CORDON_WEBHOOK_SECRET_FILE, one of the two',
    );
  return { url: written, secrets: readSecrets(secret) };
}

/** As the Standard Webhooks specification writes them; two while one is replaced by the other. */
function readSecrets(written: string): Buffer[] {
  const secrets = written
    .trim()
    .split(/\s+/)
    .map((text) => (/^whsec_[A-Za-z0-9+/]+={0,2}$/.test(text) ? Buffer.from(text.slice(6), 'base64') : null));
  if (secrets.length > 2 || !secrets.every((secret) => secret !== null && secret.length >= 24 && secret.length <= 64))
    throw new ConfigError(
      'the secret of webhooks must be whsec_ and 24 to 64 bytes in base64, for example of: echo whsec_$(openssl rand -base64 32)',
    );
  return secrets as Buffer[];
}

/** The package stands above us, built or not. */
function release(): string {
  for (let folder = import.meta.dirname; folder !== dirname(folder); folder = dirname(folder)) {
    const file = join(folder, 'package.json');
    if (existsSync(file)) return String((JSON.parse(readFileSync(file, 'utf8')) as { version?: unknown }).version);
  }
  return 'unknown';
}

/** The bridge on the same machine reads the file; elsewhere its content goes into CORDON_BRIDGE_TOKEN. */
function bridgeTokenFile(path: string): string {
  try {
    writeFileSync(path, `${randomBytes(32).toString('base64url')}\n`, { mode: 0o600, flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  const text = readFileSync(path, 'utf8').trim();
  if (text.length < 16) throw new ConfigError(`${path} holds no token: delete it, and the controller makes a new one`);
  return text;
}
