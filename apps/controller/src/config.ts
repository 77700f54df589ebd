import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { z } from 'zod';
import type { Environment } from '#gitops';

/** All that can be set from outside; the only place that reads the environment. */
export interface Config {
  /** The release. */
  readonly version: string;
  /** Shared with the bridge on the same machine. */
  readonly data: string;
  readonly http: { readonly host: string; readonly port: number };
  readonly policy: {
    readonly repository: string;
    readonly branch: string;
    readonly path: string;
    readonly pollSeconds: number;
  };
  /** Seconds between two looks at an enforcement point that should be in sync. */
  readonly resyncSeconds: number;
  /** How much of what happened is kept. */
  readonly history: { readonly days: number; readonly rows: number };
  readonly bridgeToken: string;
  readonly adminToken: string | null;
  readonly instance: string;
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
  CORDON_POLICY_BRANCH: z.string().min(1).default('main'),
  CORDON_POLICY_PATH: z.string().min(1).default('.'),
  CORDON_POLICY_POLL_SECONDS: seconds(10),
  CORDON_RESYNC_SECONDS: seconds(5),
  CORDON_AUTHENTICATIONS_KEEP_DAYS: z.coerce.number().min(1).max(3650).default(90),
  CORDON_AUTHENTICATIONS_KEEP_ROWS: z.coerce.number().int().min(1000).max(100_000_000).default(5_000_000),
  CORDON_BRIDGE_TOKEN: token.optional(),
  CORDON_ADMIN_TOKEN: token.optional(),
});

/** Something in the configuration is wrong; the message says which variable and how to write it. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

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
      branch: values.CORDON_POLICY_BRANCH,
      path: values.CORDON_POLICY_PATH,
      pollSeconds: values.CORDON_POLICY_POLL_SECONDS,
    },
    resyncSeconds: values.CORDON_RESYNC_SECONDS,
    history: { days: values.CORDON_AUTHENTICATIONS_KEEP_DAYS, rows: values.CORDON_AUTHENTICATIONS_KEEP_ROWS },
    bridgeToken: values.CORDON_BRIDGE_TOKEN ?? bridgeTokenFile(join(data, 'bridge-token')),
    adminToken: values.CORDON_ADMIN_TOKEN ?? null,
    instance: hostname(),
    environment,
  };
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
